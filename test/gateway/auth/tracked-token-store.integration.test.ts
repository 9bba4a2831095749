import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '#routes/messages.ts'
import { systemClock } from '#server-kit/clock.ts'
import { createLog } from '#server-kit/log.ts'
import { type CredentialForm, keyOf } from '../../../gateway/auth/credential-form.ts'
import { Grace, GracedStore } from '../../../gateway/auth/grace.ts'
import { openRedisClient, type RedisAccess } from '../../../gateway/auth/redis-client.ts'
import { RedisReads } from '../../../gateway/auth/redis-reads.ts'
import { TokenMemory } from '../../../gateway/auth/token-memory.ts'
import type { TokenStore } from '../../../gateway/auth/token-store.ts'
import { TrackedTokenStore } from '../../../gateway/auth/tracked-token-store.ts'
import { Tracking } from '../../../gateway/auth/tracking.ts'
import { eventually } from '../../support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { startRedis, type TestServer } from '../../support/servers.ts'

const form: CredentialForm = {
  kind: 'token',
  key: 'token:{token}',
  hash: 'sha256',
  form: 'json',
  fields: { consumer: 'consumer', scopes: 'scopes', expiresAt: 'expiresAt', unit: 'ms' },
  scopes: [],
}
const log = createLog({ program: 'test', level: 'silent' })

let redis: TestServer
let other: TestServer
let writer: Redis
let count = 0
const fresh = () => `token-${count++}`
const grant = (token: string, client = writer) => client.set(keyOf(form, token), JSON.stringify({ consumer: 'shop' }))
const revoke = (token: string) => writer.del(keyOf(form, token))

beforeAll(async () => {
  ;[redis, other] = await Promise.all([startRedis(['--enable-debug-command', 'local']), startRedis()])
  writer = new Redis(redis.port)
})

afterAll(async () => {
  writer.disconnect()
  await Promise.all([redis.stop(), other.stop()])
})

beforeEach(async () => void (await writer.config('RESETSTAT')))

interface Opened extends AsyncDisposable {
  readonly store: TokenStore
  readonly tracking: Tracking
  readonly memory: TokenMemory
  readonly told: string[]
  readonly letIn: () => number
}

function open(port: number, graceMs?: number): Opened {
  const url = `redis://127.0.0.1:${port}`
  const place = { kind: 'single', url } as const
  const access: RedisAccess = { place, username: undefined, password: undefined, tls: false, ca: undefined }
  const reader = openRedisClient(access, log) as Redis
  const reads = new RedisReads({ redis: reader, deadlineMs: 250, clock: systemClock })
  const tracking = new Tracking({ url, access, reader, clock: systemClock, log, everyMs: 200 })
  const memory = new TokenMemory({ entries: 1_000 })
  const told: string[] = []
  const grace = graceMs === undefined ? undefined : new Grace({ graceMs, entries: 1_000 })
  const common = { reads, form, tracking, memory, clock: systemClock, grace }
  const tracked = new TrackedTokenStore({ ...common, told: (what) => void told.push(what) })
  let letIn = 0
  const graced = grace && { store: tracked, grace, nameOf: (token: string) => keyOf(form, token), clock: systemClock }
  const store = graced === undefined ? tracked : new GracedStore({ ...graced, letIn: () => void letIn++ })
  const close = async () => {
    tracking.close()
    reads.close()
  }
  return { store, tracking, memory, told, letIn: () => letIn, [Symbol.asyncDispose]: close }
}

const on = ({ tracking }: Opened) => eventually(() => tracking.on, { what: 'tracking' })
const gets = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await writer.info('commandstats'))?.[1] ?? 0)
const failure = (asked: Promise<unknown>) =>
  asked.then(
    () => 'answered',
    ({ code }) => code as string,
  )

describe('a token that Redis tracks for us', () => {
  it('is asked for once, and then remembered', async () => {
    await using opened = open(redis.port)
    await on(opened)
    const token = fresh()
    await grant(token)

    expect(opened.store.recall(token)).toBeUndefined()
    await Promise.all([opened.store.find(token), opened.store.find(token)])
    for (let time = 0; time < 100; time++) expect(opened.store.recall(token)).toMatchObject({ consumer: 'shop' })

    expect(await gets()).toBe(1)
  })

  it('is refused within 100 ms of its deletion', async () => {
    await using opened = open(redis.port)
    await on(opened)
    const token = fresh()
    await grant(token)
    await opened.store.find(token)
    expect(opened.store.recall(token)).toBeDefined()

    await revoke(token)
    const revokedAt = performance.now()
    await eventually(() => opened.store.recall(token) === undefined, { everyMs: 1 })

    expect(performance.now() - revokedAt).toBeLessThan(100)
    expect(await opened.store.find(token)).toBeUndefined()
  })

  it('is known anew when its entry changed, and when it was unknown and then granted', async () => {
    await using opened = open(redis.port)
    await on(opened)
    const token = fresh()
    await opened.store.find(token)
    expect(opened.store.recall(token)).toBe('unknown')

    await grant(token)
    await eventually(() => opened.store.recall(token) === undefined)
    expect(await opened.store.find(token)).toMatchObject({ consumer: 'shop', scopes: [] })

    await writer.set(keyOf(form, token), JSON.stringify({ consumer: 'shop', scopes: ['more'] }))
    await eventually(() => opened.store.recall(token) === undefined)
    expect(await opened.store.find(token)).toMatchObject({ scopes: ['more'] })
  })

  it('is forgotten with all others when Redis is emptied', async () => {
    await using opened = open(redis.port)
    await on(opened)
    const tokens = [fresh(), fresh()]
    for (const token of tokens) {
      await grant(token)
      await opened.store.find(token)
    }

    await writer.flushall()

    await eventually(() => tokens.every((token) => opened.store.recall(token) === undefined))
    expect(opened.told).toContain('flushed')
  })

  it('is never remembered beyond the life that Redis gives it', async () => {
    await using opened = open(redis.port)
    await on(opened)
    const token = fresh()
    await grant(token)
    const until = performance.now() + 300
    await writer.pexpire(keyOf(form, token), 300)
    await opened.store.find(token)
    expect(opened.store.recall(token)).toBeDefined()

    // Redis tells of an end only when it notices it, which may be late.
    await writer.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
    try {
      await eventually(() => opened.store.recall(token) === undefined)
      expect(performance.now()).toBeLessThan(until + 100)
    } finally {
      await writer.call('DEBUG', 'SET-ACTIVE-EXPIRE', '1')
    }
  })

  it('is not kept when its deletion overtakes its answer', async () => {
    await using opened = open(redis.port)
    await on(opened)
    const token = fresh()
    await grant(token)

    // The answer is read and on its way; the message of the deletion is there first.
    const asked = opened.store.find(token)
    ;(opened.store as TrackedTokenStore).changed(keyOf(form, token))
    const answer: Caller | undefined = await asked

    expect(answer).toBeDefined()
    expect(opened.store.recall(token)).toBeUndefined()
  })

  it('is asked for anew by whoever comes after its deletion, while an older question is under way', async () => {
    await using opened = open(redis.port)
    await on(opened)
    const token = fresh()
    await grant(token)

    const before = opened.store.find(token)
    ;(opened.store as TrackedTokenStore).changed(keyOf(form, token))
    const after = opened.store.find(token)

    expect(after).not.toBe(before)
    await Promise.all([before, after])
    expect(await gets()).toBe(2)
  })
})

describe('the memory of tracked tokens', () => {
  it('is cleared at once when a connection is lost, whichever of the two, and filled again afterwards', async () => {
    await using opened = open(redis.port)
    for (const type of ['normal', 'pubsub']) {
      await on(opened)
      const token = fresh()
      await grant(token)
      await opened.store.find(token)
      expect(opened.store.recall(token)).toBeDefined()
      const lost = opened.told.filter((what) => what === 'lost').length

      await writer.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes')

      await eventually(() => opened.told.filter((what) => what === 'lost').length > lost)
      expect(opened.store.recall(token)).toBeUndefined()
      expect(opened.memory.size).toBe(0)
    }
    await on(opened)
    const token = fresh()
    await grant(token)
    await opened.store.find(token)
    await revoke(token)
    await eventually(() => opened.store.recall(token) === undefined)
  })

  it('is cleared when Redis is frozen or its wire is cut without a word, and used again when it is back', async () => {
    await using proxy: FaultProxy = await startFaultProxy(redis.port)
    await using opened = open(proxy.port)
    await on(opened)
    const token = fresh()
    await grant(token)
    await opened.store.find(token)

    await proxy.set({ kind: 'black-hole' })
    await eventually(() => opened.store.recall(token) === undefined, { deadlineMs: 2_000 })
    expect(await failure(opened.store.find(token))).toBe('auth-store-away')

    await proxy.set({ kind: 'none' })
    await eventually(async () => (await opened.store.find(token)) !== undefined, { deadlineMs: 10_000 })
    await on(opened)
  })

  it('stays empty when the two connections reach two servers, since nobody would tell of a change', async () => {
    // A balancer in front of two Redis that hold the same.
    let turn = 0
    const balancer = createServer((client) => {
      const server = connect((turn++ % 2 === 0 ? redis : other).port, '127.0.0.1')
      client.pipe(server).pipe(client)
      for (const socket of [client, server]) socket.on('error', () => client.destroy())
    }).listen(0, '127.0.0.1')
    await once(balancer, 'listening')
    const otherWriter = new Redis(other.port)
    try {
      await using opened = open((balancer.address() as AddressInfo).port)
      const token = fresh()
      await Promise.all([grant(token), grant(token, otherWriter)])
      // The listener leaves again and again, and may find the reader's server in the end: then it is right to track.
      await eventually(async () => (await opened.store.find(token)) !== undefined)
      if (!opened.tracking.on) expect(opened.store.recall(token)).toBeUndefined()
      await on(opened)
      await opened.store.find(token)
      await Promise.all([revoke(token), otherWriter.del(keyOf(form, token))])
      await eventually(() => opened.store.recall(token) === undefined)
    } finally {
      otherWriter.disconnect()
      balancer.close()
    }
  })

  it('is not used with a Redis that does not allow tracking, which is asked each time', async () => {
    await using limited = await startRedis(['--rename-command', 'CLIENT', ''])
    const owner = new Redis(limited.port, { disableClientInfo: true })
    await using opened = open(limited.port)
    const token = fresh()
    await grant(token, owner)

    await eventually(async () => (await opened.store.find(token)) !== undefined)
    expect(opened.store.recall(token)).toBeUndefined()
    await owner.del(keyOf(form, token))
    expect(await opened.store.find(token)).toBeUndefined()
    owner.disconnect()
  })
})

describe('while Redis is away', () => {
  it('who was verified lately is let in for the grace, and nobody else', async () => {
    await using proxy = await startFaultProxy(redis.port)
    await using opened = open(proxy.port, 1_500)
    await on(opened)
    const [known, gone, never] = [fresh(), fresh(), fresh()]
    for (const token of [known, gone, never]) await grant(token)
    await opened.store.find(known)
    await opened.store.find(gone)
    await revoke(gone)
    await eventually(() => opened.store.recall(gone) === undefined)

    await proxy.set({ kind: 'refuse' })
    const awaySince = performance.now()
    await eventually(() => !opened.tracking.on)

    expect(await opened.store.find(known)).toMatchObject({ consumer: 'shop' })
    expect(opened.letIn()).toBe(1)
    // Revoked before: never. Never seen: never.
    expect(await failure(opened.store.find(gone))).toBe('auth-store-away')
    expect(await failure(opened.store.find(never))).toBe('auth-store-away')

    await eventually(async () => (await failure(opened.store.find(known))) === 'auth-store-away')
    expect(performance.now() - awaySince).toBeLessThan(1_700)

    await revoke(known)
    await proxy.set({ kind: 'none' })
    await eventually(async () => (await opened.store.find(known)) === undefined)
  })

  it('nobody is let in without a grace', async () => {
    await using proxy = await startFaultProxy(redis.port)
    await using opened = open(proxy.port)
    await on(opened)
    const token = fresh()
    await grant(token)
    await opened.store.find(token)

    await proxy.set({ kind: 'refuse' })
    await eventually(() => !opened.tracking.on)

    expect(await failure(opened.store.find(token))).toBe('auth-store-away')
  })
})
