import { hash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '#server-kit/clock.ts'
import { createLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { openTokenStores, type TokenStores } from '../../../gateway/auth/open-token-stores.ts'
import type { TokenStore } from '../../../gateway/auth/token-store.ts'
import { tokenStoreContract } from '../../contracts/token-store.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { type ClusterSet, type SentinelSet, startCluster, startSentinels } from '../../support/redis-sets.ts'
import { startRedis, type TestServer } from '../../support/servers.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { authYaml } from './auth-yaml.ts'

const sha256 = (token: string) => hash('sha256', token, 'hex')
const log = createLog({ program: 'test', level: 'silent' })

let redis: TestServer
let sentinels: SentinelSet
let cluster: ClusterSet
let folder: TemporaryFolder
let writer: Redis
let sentinelWriter: Redis
let clusterWriter: Cluster
const opened: TokenStores[] = []

beforeAll(async () => {
  folder = await temporaryFolder()
  ;[redis, sentinels, cluster] = await Promise.all([startRedis(), startSentinels(), startCluster()])
  writer = new Redis(redis.port)
  sentinelWriter = new Redis(sentinels.master.port)
  clusterWriter = new Cluster(cluster.nodes.map((node) => ({ host: '127.0.0.1', port: Number(node.split(':')[1]) })))
  for (const client of [writer, sentinelWriter, clusterWriter]) client.on('error', () => {})
}, 60_000)

afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()))
  for (const client of [writer, sentinelWriter, clusterWriter]) client.disconnect()
  await Promise.all([redis.stop(), sentinels[Symbol.asyncDispose](), cluster[Symbol.asyncDispose]()])
  await folder[Symbol.asyncDispose]()
})

/** One store from a configuration, opened when the first test asks. */
function storeOf(tokens: () => Record<string, unknown>, clock: Clock = systemClock): () => TokenStore {
  let stores: TokenStores | undefined
  return () => {
    if (stores === undefined) {
      const yaml = authYaml({ tokens: tokens() })
      const secrets = { password: undefined, sentinelPassword: undefined, ca: undefined, identityKeys: [], digest: '' }
      const path = (file: string) => folder.file(file)
      stores = openTokenStores({ ...yaml, path, secrets, clock, log, metrics: createMetrics() })
      opened.push(stores)
    }
    return stores.token as TokenStore
  }
}

/** Connecting takes a moment, in which nobody can be asked. */
const ready = (store: () => TokenStore) =>
  eventually(async () => (await store().find('nobody')) === undefined, {
    deadlineMs: 10_000,
    what: 'a store that answers',
  })

const jsonIn = (client: () => Redis | Cluster, key: (token: string) => string) => ({
  grant: (token: string, entry: object) => client().set(key(token), JSON.stringify(entry)),
  spoil: (token: string) => client().set(key(token), '{"consumer": 7'),
  revoke: (token: string) => client().del(key(token)),
})

describe('a file', () => {
  const entries = new Map<string, object>()
  const written = () => writeFile(folder.file('tokens.json'), JSON.stringify([...entries.values()]))
  // Time passes quickly between two looks at the file, so that each is a new one.
  let passedMs = 0
  const hasty = { now: () => Date.now(), monotonic: () => (passedMs += 1_000) }
  beforeAll(written)
  tokenStoreContract('a file', {
    store: storeOf(() => ({ driver: 'memory', file: 'tokens.json' }), hasty),
    grant: (token, entry) => {
      entries.set(token, { sha256: sha256(token), ...entry })
      return written()
    },
    spoil: (token) => {
      entries.set(token, { sha256: sha256(token), consumer: 7 })
      return written()
    },
    revoke: (token) => {
      entries.delete(token)
      return written()
    },
  })
})

describe('one Redis', () => {
  beforeAll(async () => void (await Promise.all([asked, tracked, hashed, strings].map(ready))))

  const asked = storeOf(() => ({ driver: 'redis', url: `redis://${redis.address}`, memory: false }))
  tokenStoreContract('JSON in Redis', {
    store: asked,
    ...jsonIn(
      () => writer,
      (token) => `token:${sha256(token)}`,
    ),
  })

  const tracked = storeOf(() => ({ driver: 'redis', url: `redis://${redis.address}` }))
  tokenStoreContract('tracked Redis', {
    store: tracked,
    ...jsonIn(
      () => writer,
      (token) => `token:${sha256(token)}`,
    ),
  })

  const fields = { consumer: 'client', scopes: 'grants', expiresAt: 'until', unit: 's' }
  const hashed = storeOf(() => {
    const form = { form: 'hash', fields, hash: 'none', key: 'session:{token}:v2' }
    return { driver: 'redis', url: `redis://${redis.address}`, ...form }
  })
  tokenStoreContract('hashes in Redis, under foreign names', {
    store: hashed,
    grant: (token, { consumer, scopes, expiresAt }) => {
      const until = expiresAt === undefined ? {} : { until: String(expiresAt / 1_000) }
      return writer.hset(`session:${token}:v2`, { client: consumer, grants: scopes.join(' '), ...until })
    },
    spoil: (token) => writer.hset(`session:${token}:v2`, { client: 'shop', until: 'tomorrow' }),
    revoke: (token) => writer.del(`session:${token}:v2`),
  })

  const strings = storeOf(() => {
    const form = { form: 'string', key: 'owner:{token}', scopes: ['orders:read', 'orders:write'] }
    return { driver: 'redis', url: `redis://${redis.address}`, ...form }
  })
  tokenStoreContract('strings in Redis', {
    store: strings,
    grant: (token, { consumer, expiresAt }) =>
      expiresAt === undefined
        ? writer.set(`owner:${sha256(token)}`, consumer)
        : writer.set(`owner:${sha256(token)}`, consumer, 'PXAT', expiresAt),
    spoil: (token) => writer.set(`owner:${sha256(token)}`, 'a consumer with spaces'),
    revoke: (token) => writer.del(`owner:${sha256(token)}`),
  })
})

describe.each([true, false])('with whenAway: grace, and memory: %s', (memory) => {
  it('who was verified is let in while Redis is away, by the configuration alone', async () => {
    await using proxy = await startFaultProxy(redis.port)
    const url = `redis://127.0.0.1:${proxy.port}`
    const store = storeOf(() => ({ driver: 'redis', url, memory, whenAway: 'grace', grace: '30s' }))
    await writer.set(`token:${sha256('graced')}`, JSON.stringify({ consumer: 'shop' }))
    await eventually(() => store().find('graced'))

    await proxy.set({ kind: 'refuse' })
    await eventually(
      async () =>
        (await store()
          .find('other')
          .catch(({ code }) => code)) === 'auth-store-away',
    )

    expect(await store().find('graced')).toMatchObject({ consumer: 'shop' })
  })
})

describe('sentinels', () => {
  const store = storeOf(() => ({ driver: 'redis', sentinels: { nodes: sentinels.nodes, name: sentinels.name } }))
  const key = (token: string) => `token:${sha256(token)}`
  beforeAll(() => ready(store))
  tokenStoreContract('sentinels', { store, ...jsonIn(() => sentinelWriter, key) })

  it('lead to the new master when the old one dies, without a restart and without a wrong 401', async () => {
    await sentinelWriter.set(key('kept'), JSON.stringify({ consumer: 'shop' }))
    await sentinelWriter.wait(1, 1_000)
    expect(await store().find('kept')).toBeDefined()

    sentinels.master.process.signal('SIGKILL')

    const answers: unknown[] = []
    await eventually(
      async () => {
        const answer = await store()
          .find('kept')
          .catch(({ code }) => code)
        answers.push(answer)
        return typeof answer === 'object' && answers.includes('auth-store-away')
      },
      { deadlineMs: 20_000, what: 'the new master' },
    )
    expect(answers).not.toContain(undefined)
  }, 30_000)
})

describe('a cluster', () => {
  const store = storeOf(() => ({ driver: 'redis', cluster: cluster.nodes }))
  const key = (token: string) => `token:${sha256(token)}`
  beforeAll(() => ready(store))
  tokenStoreContract('a cluster', { store, ...jsonIn(() => clusterWriter, key) })

  it('goes on when a replica takes over its slots, without a restart and without a wrong 401', async () => {
    // Enough of them that each master has some.
    const tokens = Array.from({ length: 12 }, (_, at) => `kept-${at}`)
    for (const token of tokens) await clusterWriter.set(key(token), JSON.stringify({ consumer: 'shop' }))
    const first = new Redis(cluster.masters[0]?.port ?? 0)
    await first.wait(1, 1_000)
    first.disconnect()
    const all = () =>
      Promise.all(
        tokens.map((token) =>
          store()
            .find(token)
            .catch(({ code }) => code),
        ),
      )

    cluster.masters[0]?.process.signal('SIGKILL')

    const answers: unknown[] = []
    await eventually(
      async () => {
        const now = await all()
        answers.push(...now)
        return answers.includes('auth-store-away') && now.every((answer) => typeof answer === 'object')
      },
      { deadlineMs: 30_000, what: 'the replica of the first master' },
    )
    expect(answers).not.toContain(undefined)
  })
})
