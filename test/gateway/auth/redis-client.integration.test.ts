import { writeFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { createLog } from '#server-kit/log.ts'
import { type CredentialForm, keyOf } from '../../../gateway/auth/credential-form.ts'
import { openRedisClient, type RedisAccess } from '../../../gateway/auth/redis-client.ts'
import { RedisReads } from '../../../gateway/auth/redis-reads.ts'
import { selfSigned } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { freePort } from '../../support/free-port.ts'
import { startRedis } from '../../support/servers.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const log = createLog({ program: 'test', level: 'silent' })
const fields = { consumer: 'consumer', scopes: 'scopes', expiresAt: 'expiresAt', unit: 'ms' } as const
const form: CredentialForm = { kind: 'token', key: 'token:{token}', hash: 'none', form: 'json', fields, scopes: [] }
const access = (url: string, more: Partial<RedisAccess> = {}): RedisAccess => ({
  place: { kind: 'single', url },
  username: undefined,
  password: undefined,
  tls: false,
  ca: undefined,
  ...more,
})

function open(to: RedisAccess, limit?: number) {
  const redis = openRedisClient(to, log)
  const reads = new RedisReads({
    redis,
    deadlineMs: 200,
    clock: systemClock,
    ...(limit === undefined ? {} : { limit }),
  })
  return { reads, [Symbol.asyncDispose]: async () => reads.close() }
}

const codeOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'answered',
    ({ code }) => code as string,
  )

describe('the connection to Redis', () => {
  it('by TLS is verified: by the authority that is named it works, and without it nobody is asked', async () => {
    await using folder = await temporaryFolder()
    const { key, cert } = await selfSigned('localhost')
    await Promise.all([writeFile(folder.file('key.pem'), key), writeFile(folder.file('cert.pem'), cert)])
    const files = ['--tls-cert-file', folder.file('cert.pem'), '--tls-key-file', folder.file('key.pem')]
    const [port, plainPort] = [await freePort(), await freePort()]
    const tls = [
      '--tls-port',
      `${port}`,
      ...files,
      '--tls-auth-clients',
      'no',
      '--tls-ca-cert-file',
      folder.file('cert.pem'),
    ]
    await using redis = await startRedis([...tls, '--requirepass', 'secret'], plainPort)
    const writer = new Redis(redis.port, { password: 'secret' })
    await writer.set(keyOf(form, 't'), '{"consumer":"shop"}')
    writer.disconnect()

    await using good = open(access(`rediss://localhost:${port}`, { ca: cert, password: 'secret' }))
    await using unverified = open(access(`rediss://localhost:${port}`, { password: 'secret' }))
    await using unknown = open(access(`rediss://localhost:${port}`, { ca: cert, password: 'other' }))

    await eventually(async () => (await good.reads.read(form, keyOf(form, 't'))).caller?.consumer === 'shop')
    expect(await codeOf(unverified.reads.read(form, keyOf(form, 't')))).toBe('auth-store-away')
    expect(await codeOf(unknown.reads.read(form, keyOf(form, 't')))).toBe('auth-store-away')
  })

  it('that hangs costs each look-up its deadline, holds no more of them than the limit, and is left in the end', async () => {
    await using redis = await startRedis()
    await using proxy = await startFaultProxy(redis.port)
    await using opened = open(access(`redis://127.0.0.1:${proxy.port}`), 50)
    await eventually(() => opened.reads.read(form, 'token:x'))
    await proxy.set({ kind: 'black-hole' })

    const started = performance.now()
    const codes = await Promise.all(Array.from({ length: 200 }, () => codeOf(opened.reads.read(form, 'token:x'))))
    expect(new Set(codes)).toEqual(new Set(['auth-store-away']))
    expect(performance.now() - started).toBeLessThan(1_000)
    // The first fifty are still in the client's hands: others are not added to them.
    const again = performance.now()
    expect(await codeOf(opened.reads.read(form, 'token:x'))).toBe('auth-store-away')
    expect(performance.now() - again).toBeLessThan(100)

    await proxy.set({ kind: 'none' })
    await eventually(() => opened.reads.read(form, 'token:x'), { deadlineMs: 10_000 })
  })

  it('to data of another form makes nobody known, and nobody unknown', async () => {
    await using redis = await startRedis()
    const writer = new Redis(redis.port)
    await writer.hset('token:t', { consumer: 'shop' })
    writer.disconnect()
    await using opened = open(access(`redis://${redis.address}`))
    await eventually(() => opened.reads.read(form, 'token:x'))

    expect(await codeOf(opened.reads.read(form, 'token:t'))).toBe('auth-store-away')
  })
})
