import type { Redis } from 'ioredis'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { MemoryLedger } from './memory-ledger.ts'
import type { Found, HeardRow, LaneMark, ReplicationLedger, WriterRow } from './replication-ledger.ts'

export interface RedisLedgerOptions {
  /** With a command time-out and without an offline queue: what it cannot answer now is answered from memory. */
  readonly redis: Redis
  readonly site: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * The ledger that the processes of a site share: one hash, a field a writer (when it was heard, by the clock of Redis) and
 * one a lane of it. While Redis is away each process goes by what it heard itself, so that invalidations still arrive; when
 * it is back, the newer of both counts.
 */
export class RedisLedger implements ReplicationLedger {
  readonly #options: RedisLedgerOptions
  readonly #key: string
  readonly #own: MemoryLedger
  #away = false

  constructor(options: RedisLedgerOptions) {
    this.#options = options
    this.#key = `tidegate:{${options.site}}:cache:writers`
    this.#own = new MemoryLedger(options.clock)
  }

  async find(site: string, place: string, lane: number): Promise<Found> {
    const own = await this.#own.find(site, place, lane)
    const name = `${site}/${place}`
    const read = await this.#ask(async (redis) => {
      const [time, [row, mark]] = await Promise.all([redis.time(), redis.hmget(this.#key, name, `${name}/${lane}`)])
      return { row: readRow(row, msOf(time)), mark: readJson<LaneMark>(mark) }
    })
    if (read === undefined) return own
    return { row: fresher(read.row, own.row), mark: further(read.mark, own.mark) }
  }

  async note(row: WriterRow, lane: number, mark: LaneMark): Promise<void> {
    await this.#own.note(row, lane, mark)
    const name = `${row.site}/${row.place}`
    await this.#ask(async (redis) => {
      const heardAtMs = msOf(await redis.time())
      await redis.hset(this.#key, name, JSON.stringify({ ...row, heardAtMs }), `${name}/${lane}`, JSON.stringify(mark))
      return true
    })
  }

  all(): Promise<readonly HeardRow[] | undefined> {
    return this.#ask(async (redis) => {
      const [time, fields] = await Promise.all([redis.time(), redis.hgetall(this.#key)])
      const rows = Object.entries(fields).filter(([name]) => !/\/[0-9]+$/.test(name))
      return rows.map(([, text]) => readRow(text, msOf(time))).filter((row) => row !== undefined)
    })
  }

  async forget(site: string, place: string): Promise<boolean> {
    const own = await this.#own.forget(site, place)
    const name = `${site}/${place}`
    const removed = await this.#ask((redis) => redis.hdel(this.#key, name, ...lanesOf(name)))
    return own || (removed ?? 0) > 0
  }

  async close(): Promise<void> {
    await this.#own.close()
    this.#options.redis.disconnect()
  }

  /** Undefined: Redis is away. */
  async #ask<T>(question: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await question(this.#options.redis)
      if (this.#away) this.#options.log.info({}, 'the Redis of the replication ledger is back')
      this.#away = false
      return answer
    } catch (cause) {
      if (!this.#away) this.#options.log.warn({ err: cause }, 'the Redis of the replication ledger is away')
      this.#away = true
      return undefined
    }
  }
}

const lanesOf = (name: string): string[] => Array.from({ length: 256 }, (_, lane) => `${name}/${lane}`)

const msOf = ([seconds, micros]: readonly [number, number] | readonly number[]): number =>
  Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)

function readRow(text: string | null | undefined, nowMs: number): HeardRow | undefined {
  const read = readJson<WriterRow & { readonly heardAtMs: number }>(text)
  if (read === undefined) return undefined
  const { heardAtMs, ...row } = read
  return { ...row, ageMs: Math.max(0, nowMs - heardAtMs) }
}

function readJson<T>(text: string | null | undefined): T | undefined {
  if (text === null || text === undefined) return undefined
  try {
    return JSON.parse(text) as T
  } catch {
    // Nobody but us writes there; what is not ours is as good as unknown.
    return undefined
  }
}

const fresher = (read: HeardRow | undefined, own: HeardRow | undefined): HeardRow | undefined =>
  read !== undefined && own !== undefined && own.journal === read.journal && own.ageMs < read.ageMs ? own : read

/** Redis may have lost what it was last told; never what another process told it of a newer journal. */
const further = (read: LaneMark | undefined, own: LaneMark | undefined): LaneMark | undefined =>
  read !== undefined && own !== undefined && own.journal === read.journal && own.nowMs > read.nowMs ? own : read
