import type { Redis } from 'ioredis'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Counter, Metrics } from '#server-kit/metrics.ts'
import { ms } from '../config-parts.ts'
import type { ApiKeysConfig, TokensConfig } from './auth-config.ts'
import type { AuthSecrets } from './auth-secrets.ts'
import { type CredentialForm, keyOf, nameOf } from './credential-form.ts'
import { Grace, GracedStore } from './grace.ts'
import { MemoryTokenStore } from './memory-token-store.ts'
import { openRedisClient, type RedisAccess } from './redis-client.ts'
import { RedisReads } from './redis-reads.ts'
import { RedisTokenStore } from './redis-token-store.ts'
import { TokenMemory } from './token-memory.ts'
import type { TokenStore } from './token-store.ts'
import { TrackedTokenStore } from './tracked-token-store.ts'
import { Tracking } from './tracking.ts'

export interface TokenStoresOptions {
  readonly tokens: TokensConfig
  readonly apiKeys: ApiKeysConfig
  readonly path: (relative: string) => string
  readonly secrets: AuthSecrets
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** This site's own stores, by the kind of credential that they hold; undefined = that kind is taken from nobody. */
export interface TokenStores {
  readonly token: TokenStore | undefined
  readonly 'api-key': TokenStore | undefined
  close(): Promise<void>
}

/** Opens what the configuration names. Both kinds share one connection to Redis, and never an entry. */
export function openTokenStores(options: TokenStoresOptions): TokenStores {
  const { tokens, apiKeys, path, clock, log } = options
  const { driver, file } = tokens
  const keys = apiKeys.headers.length > 0
  if (driver === 'memory' && file !== undefined) {
    const open = (kind: 'token' | 'api-key') => new MemoryTokenStore({ file: path(file), kind, clock, log })
    return { token: open('token'), 'api-key': keys ? open('api-key') : undefined, close: async () => {} }
  }
  const access = driver === 'redis' ? accessOf(options) : undefined
  if (access === undefined) return { token: undefined, 'api-key': undefined, close: async () => {} }

  const redis = openRedisClient(access, log)
  const reads = new RedisReads({ redis, deadlineMs: ms(tokens.deadline), clock })
  const tracking =
    tokens.memory && access.place.kind === 'single'
      ? new Tracking({ url: access.place.url, access, reader: redis as Redis, clock, log })
      : undefined
  const told = countersOf(options.metrics)
  const open = (form: CredentialForm): TokenStore => storeOf(form, tokens, { reads, tracking, told, clock })
  return {
    token: open({ ...tokens, kind: 'token' }),
    'api-key': keys ? open({ ...apiKeys, kind: 'api-key' }) : undefined,
    close: async () => {
      tracking?.close()
      reads.close()
    },
  }
}

interface Shared {
  readonly reads: RedisReads
  readonly tracking: Tracking | undefined
  readonly told: Told
  readonly clock: Clock
}

function storeOf(form: CredentialForm, tokens: TokensConfig, { reads, tracking, told, clock }: Shared): TokenStore {
  const entries = tokens.remembered
  const grace = tokens.whenAway === 'grace' ? new Grace({ graceMs: ms(tokens.grace), entries }) : undefined
  let store: TokenStore
  if (tracking === undefined) store = new RedisTokenStore(reads, form)
  else {
    const memory = new TokenMemory({ entries })
    told.memories.push(memory)
    const count = (what: 'key' | 'flushed' | 'lost') => told.invalidations.inc({ what })
    store = new TrackedTokenStore({ reads, form, tracking, memory, clock, grace, told: count })
  }
  if (grace === undefined) return store
  const named = (token: string) => nameOf(form, keyOf(form, token))
  return new GracedStore({ store, grace, nameOf: named, clock, letIn: () => told.graced.inc() })
}

interface Told {
  readonly invalidations: Counter<'what'>
  readonly graced: Counter
  readonly memories: TokenMemory[]
}

function countersOf(metrics: Metrics): Told {
  const memories: TokenMemory[] = []
  metrics.gauge(
    'tidegate_auth_remembered',
    'Credentials that are kept in memory.',
    { what: ['known', 'unknown'] },
    (gauge) => {
      gauge.set(
        { what: 'known' },
        memories.reduce((sum, { size }) => sum + size, 0),
      )
      gauge.set(
        { what: 'unknown' },
        memories.reduce((sum, { unknownSize }) => sum + unknownSize, 0),
      )
    },
  )
  return {
    memories,
    invalidations: metrics.counter('tidegate_auth_invalidations_total', 'What Redis told of kept credentials.', {
      what: ['key', 'flushed', 'lost'],
    }),
    graced: metrics.counter(
      'tidegate_auth_grace_total',
      'Let in while the store was away, as verified shortly before.',
    ),
  }
}

function accessOf({ tokens, secrets }: TokenStoresOptions): RedisAccess | undefined {
  const { url, sentinels, cluster, username, tls } = tokens
  const { password, sentinelPassword, ca } = secrets
  const common = { username, password, tls, ca }
  if (cluster !== undefined) return { ...common, place: { kind: 'cluster', nodes: cluster } }
  if (sentinels !== undefined) {
    const { nodes, name } = sentinels
    return { ...common, place: { kind: 'sentinels', nodes, name, password: sentinelPassword } }
  }
  return url === undefined ? undefined : { ...common, place: { kind: 'single', url } }
}
