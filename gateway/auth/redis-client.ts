import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { Log } from '#server-kit/log.ts'

/** Where the tokens are: one Redis, the master that sentinels know, or a cluster. */
export type RedisPlace =
  | { readonly kind: 'single'; readonly url: string }
  | {
      readonly kind: 'sentinels'
      readonly nodes: readonly string[]
      readonly name: string
      readonly password: string | undefined
    }
  | { readonly kind: 'cluster'; readonly nodes: readonly string[] }

export interface RedisAccess {
  readonly place: RedisPlace
  readonly username: string | undefined
  readonly password: string | undefined
  /** For sentinels and clusters; a single one's URL says it. */
  readonly tls: boolean
  /** PEM of the authority; undefined = those of the system. */
  readonly ca: string | undefined
}

export type RedisClient = Redis | Cluster

const retryStrategy = (tries: number): number => Math.min(50 * 2 ** Math.min(tries, 5), 1_000)

/** A client that connects by itself, again and again, and refuses at once what it cannot send now. */
export function openRedisClient(access: RedisAccess, log: Log): RedisClient {
  const { place } = access
  switch (place.kind) {
    case 'single':
      return watched(new Redis(place.url, connectionOptions(access)), log)
    case 'sentinels': {
      const { nodes, name, password } = place
      const client = new Redis({
        ...connectionOptions(access),
        sentinels: nodes.map(hostAndPort),
        name,
        ...(password === undefined ? {} : { sentinelPassword: password }),
        ...(access.tls ? { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(access) } : {}),
        sentinelRetryStrategy: retryStrategy,
        // Told of a new master by the sentinels: else a former one, cut off but alive, would go on answering by old tokens.
        failoverDetector: true,
        sentinelReconnectStrategy: retryStrategy,
      })
      return watched(client, log)
    }
    case 'cluster': {
      const client = new Cluster(place.nodes.map(hostAndPort), {
        redisOptions: connectionOptions(access),
        enableOfflineQueue: false,
        enableAutoPipelining: true,
        clusterRetryStrategy: retryStrategy,
        // A look-up has a fraction of a second: one more try is all that fits.
        maxRedirections: 3,
        retryDelayOnFailover: 50,
        retryDelayOnClusterDown: 50,
        slotsRefreshTimeout: 1_000,
        slotsRefreshInterval: 5_000,
      })
      return watched(client, log)
    }
  }
}

export function connectionOptions(access: RedisAccess): Omit<RedisOptions, 'replyMapping'> {
  const { place, username, password, tls } = access
  const secure = place.kind === 'single' ? place.url.startsWith('rediss:') : tls
  return {
    // A look-up that waits for a connection would answer in minutes; refused at once, it is a clear 503.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // What was on its way when a connection broke is told as lost, and never sent again behind our back.
    autoResendUnfulfilledCommands: false,
    connectTimeout: 1_000,
    // A server that is frozen or behind a cut wire is left after so long.
    socketTimeout: 2_000,
    // Look-ups of one turn of the event loop leave in one write.
    enableAutoPipelining: true,
    retryStrategy,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(secure ? { tls: tlsOptions(access) } : {}),
  }
}

/** Verified always: whoever can speak for this Redis lets in whom he likes. */
function tlsOptions({ ca }: RedisAccess) {
  return { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) }
}

function hostAndPort(node: string): { host: string; port: number } {
  const at = node.lastIndexOf(':')
  return { host: node.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(node.slice(at + 1)) }
}

/** Tells once that it went, and once that it came back. */
function watched<Client extends RedisClient>(client: Client, log: Log): Client {
  let away = false
  client.on('error', (cause: unknown) => {
    if (!away) log.warn({ err: cause }, 'the token store is away')
    away = true
  })
  client.on('ready', () => {
    if (away) log.info({}, 'the token store is back')
    away = false
  })
  return client
}
