import { Redis } from 'ioredis'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { connectionOptions } from '../auth/redis-client.ts'
import { KeptLedger } from './kept-ledger.ts'
import { MemoryLedger } from './memory-ledger.ts'
import { RedisLedger } from './redis-ledger.ts'
import type { ReplicationLedger } from './replication-ledger.ts'

export interface OpenLedgerOptions {
  /** Of the site; absent: there is none. */
  readonly redis: string | undefined
  /** Where it is kept without one; absent: nothing that was written before this process is left. */
  readonly path: string | undefined
  readonly site: string
  /** Of the site: its values are of no worth any more. */
  readonly giveUpAll: () => Promise<boolean>
  readonly clock: Clock
  readonly log: Log
}

/** A Redis that is away does not keep a gateway from starting, ms. */
const openingMs = 1_000

/** Who writes here, as far as this process can know. */
export async function openLedger({
  redis: url,
  path,
  site,
  giveUpAll,
  clock,
  log,
}: OpenLedgerOptions): Promise<ReplicationLedger> {
  if (url === undefined) {
    return path === undefined ? new MemoryLedger(clock) : KeptLedger.open({ path, clock, log }, giveUpAll)
  }
  const place = { kind: 'single', url } as const
  const access = { place, username: undefined, password: undefined, tls: false, ca: undefined }
  const redis = new Redis(url, connectionOptions(access))
  // Told by the ledger, when it asks; reconnecting goes on by itself.
  redis.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, openingMs)
    redis.once('ready', () => {
      clearTimeout(timer)
      resolve()
    })
  })
  return new RedisLedger({ redis, site, clock, log })
}
