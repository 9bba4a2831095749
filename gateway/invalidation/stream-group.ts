import { once } from 'node:events'
import { Redis } from 'ioredis'
import { connectionOptions } from '../auth/redis-client.ts'
import type { DeadLetter, Message } from './event-source.ts'
import {
  type GroupLife,
  idMs,
  type NoGroup,
  readLook,
  readUnlessRemoved,
  type StreamLook,
  type StreamView,
  textIn,
} from './stream-view.ts'

interface ScriptedRedis extends Redis {
  readUnlessRemoved(
    ...of: [key: string, lifeKey: string, group: string, consumer: string, count: number, removal: string]
  ): Promise<unknown[]>
  createGroup(key: string, lifeKey: string, group: string, life: GroupLife): Promise<unknown>
  dropIfDone(key: string, group: string, consumer: string, idleMs: number): Promise<number>
}

/** An entry that somebody read and nobody finished. */
export interface Pending {
  readonly id: string
  readonly deliveries: number
}

export interface ConsumerRow {
  readonly name: string
  readonly pending: number
  readonly idleMs: number
}

/** All processes of a site read as one group. */
const group = 'gateways'
/** Dead letters that are kept; the oldest go first. */
const deadLimit = 10_000
/** Of one, with its body; longer ones are kept without: ten thousand of a megabyte would take all of that Redis. */
const deadBodyLimitBytes = 64 * 1024
/** The wait for a new entry, ms: shorter than the time after which a silent socket counts as dead. */
const waitMs = 1_000
/** Until a server that says nothing is told to be away, ms. */
const connectMs = 1_000
/** Never counted beyond, where Redis does not count by itself. */
const lagLimit = 1_000

/**
 * A consumer may not be dropped with entries in its hands: they would be nobody's. In one step, since it may read meanwhile.
 * KEYS[1] stream; ARGV group, consumer, for how long it must have been silent.
 */
const dropIfDone = `
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local named = {}
  for i = 1, #flat, 2 do named[flat[i]] = flat[i + 1] end
  if named['name'] == ARGV[2] and named['pending'] == 0 and named['idle'] >= tonumber(ARGV[3]) then
    return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
  end
end
return 0
`

/**
 * The group and its life, in one step: whoever finds the one without the other has to believe that something was lost.
 * KEYS[1] stream, KEYS[2] life; ARGV group, life. Another process may have been faster: then its life stands.
 */
const createGroup = `
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if not made.err then return redis.call('SET', KEYS[2], ARGV[2]) end
if string.find(made.err, 'BUSYGROUP', 1, true) then return false end
return made
`

/** The commands by which one consumer reads a stream of Redis 6.2 or newer. Each rejects when Redis is away. */
export class StreamGroup {
  readonly #consumer: string
  readonly #key: string
  readonly #lifeKey: string
  readonly #deadKey: string
  readonly #redis: ScriptedRedis
  /** A connection that waits is of no use to anybody else meanwhile. */
  readonly #waiting: Redis

  constructor(options: {
    readonly url: string
    readonly site: string
    readonly consumer: string
    readonly onError: (cause: Error) => void
  }) {
    const { url, site, consumer, onError } = options
    this.#consumer = consumer
    this.#key = `tidegate:{${site}}:events`
    this.#lifeKey = `${this.#key}:life`
    this.#deadKey = `${this.#key}:dead`
    const place = { kind: 'single', url } as const
    const access = { place, username: undefined, password: undefined, tls: false, ca: undefined }
    const open = () => new Redis(url, connectionOptions(access)).on('error', onError)
    this.#redis = open() as ScriptedRedis
    this.#waiting = open()
    this.#redis.defineCommand('readUnlessRemoved', { lua: readUnlessRemoved, numberOfKeys: 2 })
    this.#redis.defineCommand('createGroup', { lua: createGroup, numberOfKeys: 2 })
    this.#redis.defineCommand('dropIfDone', { lua: dropIfDone, numberOfKeys: 1 })
  }

  /** Resolves when commands can be sent; rejects with what keeps them from it. */
  async connected(closing: AbortSignal): Promise<void> {
    for (const client of [this.#redis, this.#waiting]) {
      if (client.status === 'ready') continue
      await once(client, 'ready', { signal: AbortSignal.any([closing, AbortSignal.timeout(connectMs)]) })
    }
  }

  /** A look at the stream, and at most `count` new entries, if nothing was removed but what `removal` says. */
  async read(count: number, removal: string): Promise<StreamLook | NoGroup> {
    const found = await this.#redis.readUnlessRemoved(
      ...([this.#key, this.#lifeKey, group, this.#consumer, count, removal] as const),
    )
    return readLook(found)
  }

  /** Resolves when there may be entries after `last`, or after a second. */
  async changed(last: string): Promise<void> {
    await this.#waiting.xread('COUNT', 1, 'BLOCK', waitMs, 'STREAMS', this.#key, last)
  }

  /** From the oldest entry that is there: what was added before there was a group is read, too. */
  async create(life: GroupLife): Promise<void> {
    await this.#redis.createGroup(this.#key, this.#lifeKey, group, life)
  }

  /** From here on all that was removed counts as read: else each later look would find the same gap, or hide another one. */
  async countRemoved({ length, added, first, last, delivered }: StreamView): Promise<void> {
    const at = first === undefined ? last : delivered
    if (added === undefined) await this.#redis.xgroup('SETID', this.#key, group, at)
    else await this.#redis.call('XGROUP', 'SETID', this.#key, group, at, 'ENTRIESREAD', added - length)
  }

  /** At most `limit` entries that were silent for so long; of one consumer, or of all. */
  async pending(limit: number, idleMs: number, own: boolean): Promise<readonly Pending[]> {
    const consumer = own ? [this.#consumer] : []
    const rows = await this.#redis.call('XPENDING', this.#key, group, 'IDLE', idleMs, '-', '+', limit, ...consumer)
    return (rows as [string, string, number, number][]).map(([id, , , deliveries]) => ({ id, deliveries }))
  }

  /** Their fields; undefined for those that were removed. */
  async entries(ids: readonly string[]): Promise<readonly (readonly string[] | undefined)[]> {
    const found = await Promise.all(ids.map((id) => this.#redis.xrange(this.#key, id, id)))
    return found.map(([entry]) => entry?.[1])
  }

  /** Those that are ours now: another process may have been faster. Each counts as one more delivery. */
  async claim(ids: readonly string[], idleMs: number): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set()
    const entries = await this.#redis.xclaim(this.#key, group, this.#consumer, idleMs, ...ids)
    return new Set((entries as [string, unknown][]).map(([id]) => id))
  }

  /** They are still worked on: nobody else takes them, and it is no delivery. */
  async hold(ids: readonly string[]): Promise<void> {
    await this.#redis.xclaim(this.#key, group, this.#consumer, 0, ...ids, 'JUSTID')
  }

  async done(id: string): Promise<void> {
    await this.#redis.xack(this.#key, group, id)
  }

  /** First there, then gone here: one that is cut off between has it twice. */
  async bury(id: string, text: string | undefined, because: string, deliveries: number): Promise<void> {
    const fields = ['was', id, 'because', because, 'deliveries', deliveries]
    if (text !== undefined && Buffer.byteLength(text) <= deadBodyLimitBytes) fields.push('event', text)
    await this.#redis.xadd(this.#deadKey, 'MAXLEN', '~', deadLimit, '*', ...fields)
    await this.done(id)
  }

  async dead(limit: number): Promise<readonly DeadLetter[]> {
    return (await this.#redis.xrevrange(this.#deadKey, '+', '-', 'COUNT', limit)).map(([id, fields]) =>
      letterOf(id, fields),
    )
  }

  async retry(id: string): Promise<'queued' | 'unknown'> {
    const [entry] = await this.#redis.xrange(this.#deadKey, id, id)
    const text = entry && letterOf(id, entry[1]).text
    if (text === undefined) return 'unknown'
    await this.#redis.xadd(this.#key, '*', 'event', text)
    await this.#redis.xdel(this.#deadKey, id)
    return 'queued'
  }

  async range(fromMs: number, toMs: number, limit: number, after?: string): Promise<readonly Message[]> {
    const from = after === undefined ? String(fromMs) : `(${after}`
    const entries = await this.#redis.xrange(this.#key, from, String(toMs), 'COUNT', limit)
    return entries.map(([id, fields]) => ({ id, text: textIn(fields) ?? '', atMs: idMs(id) }))
  }

  async counts({ view, pending }: StreamLook): Promise<{
    readonly lag: number
    readonly oldestPendingMs: number
    readonly dead: number
    readonly consumers: readonly ConsumerRow[]
  }> {
    const [oldest] = pending === 0 ? [] : await this.pending(1, 0, false)
    const consumers = (await this.#redis.call('XINFO', 'CONSUMERS', this.#key, group)) as unknown[][]
    const dead = await this.#redis.xlen(this.#deadKey)
    const { added, read, delivered, last } = view
    const isRead = delivered === last
    const unread = async () => (await this.#redis.xrange(this.#key, `(${delivered}`, '+', 'COUNT', lagLimit)).length
    const lag = isRead ? 0 : added === undefined || read === undefined ? await unread() : Math.max(0, added - read)
    return { lag, oldestPendingMs: oldest === undefined ? 0 : idMs(oldest.id), dead, consumers: consumers.map(rowOf) }
  }

  /** Entries before both moments: what is not finished stays, however old it is. */
  async trim(beforeMs: number, { delivered }: StreamView): Promise<void> {
    const [oldest] = await this.pending(1, 0, false)
    const until = Math.min(beforeMs, idMs(delivered), oldest === undefined ? Number.POSITIVE_INFINITY : idMs(oldest.id))
    await this.#redis.xtrim(this.#key, 'MINID', '~', until)
  }

  /** A consumer that has nothing in its hands and was silent for so long is forgotten; without a name, this one. */
  async drop(name = this.#consumer, idleMs = 0): Promise<void> {
    await this.#redis.dropIfDone(this.#key, group, name, idleMs)
  }

  close(): void {
    this.#redis.disconnect()
    this.#waiting.disconnect()
  }
}

function namesOf(fields: readonly unknown[]): ReadonlyMap<unknown, unknown> {
  return new Map(fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1]] as const] : [])))
}

function letterOf(id: string, fields: readonly string[]): DeadLetter {
  const named = namesOf(fields)
  const text = named.get('event')
  const told = { was: String(named.get('was')), because: String(named.get('because')) }
  return { id, ...told, deliveries: Number(named.get('deliveries')), ...(typeof text === 'string' ? { text } : {}) }
}

function rowOf(fields: readonly unknown[]): ConsumerRow {
  const named = namesOf(fields)
  return { name: String(named.get('name')), pending: Number(named.get('pending')), idleMs: Number(named.get('idle')) }
}
