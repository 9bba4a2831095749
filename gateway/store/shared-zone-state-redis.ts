import { hash } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { connectionOptions, type RedisAccess } from '../auth/redis-client.ts'
import { problems } from '../errors.ts'
import type { Stamp } from './cache-store.ts'
import type { KeptZoneState } from './kept-zone-state.ts'
import type { ForcedState, SharedZoneState } from './shared-zone-state.ts'
import { newsChannel, readTold, stampText, stateKeys, stateScript, type Told } from './zone-state-script.ts'

export interface RedisZoneStateOptions {
  readonly url: string
  readonly site: string
  /** Of this process, the same after a restart: what it owed before is its own to settle. */
  readonly place: string
  /** Unlike that of any other life of the state. */
  readonly newLife: () => string
  readonly kept: KeptZoneState
  readonly newStamp: () => Stamp
  /** A floor was heard of: the next stamp of this process must be above it. */
  readonly see: (stamp: Stamp) => void
  readonly clock: Clock
  readonly log: Log
  readonly background: Background
  /** ms without a word after which what a process owes is given up for a floor of the zones. Default 5 minutes. */
  readonly abandonMs?: number
  /** ms in which a Redis that lost its memory is told again what everyone knew: so long nothing in it proves anything. Default 3 s. */
  readonly retellMs?: number
}

/** Each process asks so often what stands in Redis, and says that it is there, ms. */
const beatMs = 300
/** What stood in Redis so long ago is still gone by here; whoever tells something waits at most so long for who did not answer, ms. */
export const leaseMs = 1_500
/** For one answer of Redis, ms. */
const answerMs = 500
const retellingMs = 3_000
const abandonedMs = 5 * 60_000
/** In place of the nodes of a zone while they change: nobody else has that. */
const changing = 'changing'

interface Asking extends Redis {
  zoneState(...keysAndArguments: string[]): Promise<string>
}

/**
 * What the processes of a site know of its zones, in their Redis. Each asks it several times a second and goes by the
 * answer for `leaseMs`; whoever changes something waits until every process of the last `leaseMs` has said that it knows, or
 * until none can go by an older answer any more. So nobody reads a zone by what was true before an answered invalidation.
 */
export class RedisZoneState implements SharedZoneState {
  readonly #options: RedisZoneStateOptions
  readonly #keys: readonly string[]
  readonly #channel: string
  readonly #asker: Asking
  readonly #listener: Redis
  readonly #beats: NodeJS.Timeout
  /** Zones that this process owes something. */
  readonly #owing = new Set<string>()
  /** By zone, the nodes that this process asks, in few letters. */
  readonly #pools = new Map<string, string>()
  /** Zones that other processes ask by other nodes. */
  #unlike: ReadonlySet<string> = new Set()
  /** `place zone` of what is settled, until Redis knows. */
  readonly #settled = new Set<string>()
  /** Places whose journals were replayed, until their entries are known and settled. */
  readonly #replayed = new Set<string>()
  /** What others owed in an earlier life of the Redis, until it knows again. */
  #carried: ReadonlySet<string> = new Set()
  #known: ReadonlySet<string>
  #unread: ReadonlySet<string> = new Set()
  /** By place, the newest version that it said it knows. */
  readonly #heard = new Map<string, number>()
  readonly #waiting = new Set<() => void>()
  #version = -1
  /** When the newest answer that counts was asked for, monotonic ms. */
  #askedAt = Number.NEGATIVE_INFINITY
  #doubtedLife: string | undefined
  #isReplayed = false
  #next: Promise<Told | undefined> | undefined
  #asking: Promise<Told | undefined> = Promise.resolve(undefined)
  #away = false
  #closed = false

  constructor(options: RedisZoneStateOptions) {
    this.#options = options
    this.#keys = stateKeys(options.site)
    this.#channel = newsChannel(options.site)
    this.#known = options.kept.owing
    this.#asker = this.#open() as Asking
    this.#asker.defineCommand('zoneState', { lua: stateScript, numberOfKeys: this.#keys.length })
    this.#listener = this.#open()
    this.#asker.on('ready', () => this.#askSoon())
    this.#listener.on('ready', () => this.#listen())
    this.#listener.on('message', (_, text: string) => this.#take(text))
    this.#beats = setInterval(() => this.#askSoon(), beatMs).unref()
    this.#refresh()
  }

  get informed(): boolean {
    return this.#options.clock.monotonic() - this.#askedAt <= leaseMs
  }

  async owes(zone: string): Promise<boolean> {
    this.#owing.add(zone)
    this.#settled.delete(this.#field(zone))
    return this.#tell()
  }

  settled(zone: string): void {
    this.#owing.delete(zone)
    this.#settled.add(this.#field(zone))
    this.#askSoon()
  }

  replayed(place: string): void {
    if (place === this.#options.place) this.#isReplayed = true
    else this.#replayed.add(place)
    this.#refresh()
    this.#askSoon()
  }

  mayRead(zone: string): boolean {
    return !this.#unread.has(zone)
  }

  floor(zone: string): Stamp {
    return this.#options.kept.floor(zone)
  }

  async raise(where: string, stamp: Stamp): Promise<boolean> {
    this.#options.kept.raise(where, stamp)
    const [isKept, isTold] = await Promise.all([this.#options.kept.save(), this.#tell()])
    return isKept && isTold
  }

  async pool(zone: string, nodes: string | undefined): Promise<boolean> {
    const { kept, newStamp } = this.#options
    this.#pools.set(zone, nodes === undefined ? changing : hash('sha256', nodes, 'hex').slice(0, 16))
    if (nodes !== undefined) kept.poolIs(zone, nodes, newStamp)
    this.#refresh()
    const [isKept, isTold] = await Promise.all([kept.save(), this.#tell()])
    return isKept && isTold
  }

  async force(zone: string, state: ForcedState): Promise<void> {
    const { kept, newStamp } = this.#options
    const stamp = newStamp()
    if (state === 'cold') kept.raise(zone, stamp)
    kept.force(zone, { state: state === 'write-only' ? state : 'up', stamp })
    this.#refresh()
    const [isKept, isTold] = await Promise.all([kept.save(), this.#tell()])
    const because = !isTold ? 'Redis is away' : isKept ? undefined : 'the disk did not take it'
    if (because !== undefined) throw problems['cache-zone-state-unshared']({ zone, because })
  }

  /** Resolves when Redis has answered for the first time, or after `deadlineMs`. */
  async opened(deadlineMs: number): Promise<void> {
    await within(deadlineMs, this.#firstAnswer())
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#beats)
    // What it owes stays on record: the next process of this place, or one that adopts its journal, settles it.
    await this.#ask()
    this.#askedAt = Number.NEGATIVE_INFINITY
    this.#asker.disconnect()
    this.#listener.disconnect()
  }

  async #firstAnswer(): Promise<void> {
    if (this.#asker.status !== 'ready') await new Promise<void>((resolve) => this.#asker.once('ready', resolve))
    await this.#ask()
  }

  /** True once Redis has what this process says now, and no process goes by anything older. */
  async #tell(): Promise<boolean> {
    const told = await this.#ask()
    if (told === undefined) return false
    const others = [...told.silentMs]
      .filter(([place, ms]) => place !== this.#options.place && ms <= leaseMs)
      .map(([place]) => place)
    const isHeard = () => others.every((place) => (this.#heard.get(place) ?? -1) >= told.version)
    if (isHeard()) return true
    const heard = Promise.withResolvers<void>()
    const look = (): void => {
      if (isHeard()) heard.resolve()
    }
    this.#waiting.add(look)
    await within(leaseMs, heard.promise)
    this.#waiting.delete(look)
    return true
  }

  #askSoon(): void {
    if (!this.#closed) this.#options.background.run('ask for the state of the cache zones', this.#ask())
  }

  /** The answer to a question that begins after this call; undefined when there was none. One at a time. Never rejects. */
  #ask(): Promise<Told | undefined> {
    this.#next ??= this.#asking.then(() => {
      this.#next = undefined
      this.#asking = this.#askNow()
      return this.#asking
    })
    return this.#next
  }

  async #askNow(): Promise<Told | undefined> {
    const { place, kept, newStamp, newLife, clock, log, abandonMs = abandonedMs } = this.#options
    const settle = [...this.#settled]
    const carried = this.#carried
    const said = {
      place,
      channel: this.#channel,
      stamp: stampText(newStamp()),
      life: newLife(),
      floors: Object.fromEntries([...kept.floors].map(([where, stamp]) => [where, stampText(stamp)])),
      forced: Object.fromEntries(
        [...kept.forced].map(([zone, { state, stamp }]) => [zone, `${stampText(stamp)} ${state}`]),
      ),
      pools: Object.fromEntries(this.#pools),
      owe: [...[...this.#owing].map((zone) => this.#field(zone)), ...carried],
      settle,
      abandonMs,
      leaves: this.#closed,
    }
    const askedAt = clock.monotonic()
    try {
      const answer = await within(answerMs, this.#asker.zoneState(...this.#keys, JSON.stringify(said)))
      if (answer === undefined) return undefined
      const told = readTold(answer)
      for (const field of settle) if (!told.owing.has(field)) this.#settled.delete(field)
      if (this.#carried === carried && carried.size > 0) this.#carried = new Set()
      this.#apply(told, askedAt)
      return told
    } catch (cause) {
      // Refused at once while it is away, which has been told; anything else is a fault of ours or of the server.
      if (this.#asker.status === 'ready') log.warn({ err: cause }, 'the Redis of the cache zones did not answer')
      return undefined
    }
  }

  #apply(told: Told, askedAt: number): void {
    const { kept, see, background, log, retellMs = retellingMs } = this.#options
    let isNews = false
    if (told.life !== kept.life) {
      if (kept.life !== undefined) {
        log.warn({}, 'the Redis of the cache zones has lost its memory, and is told again')
        this.#doubtedLife = told.life
        this.#askedAt = Number.NEGATIVE_INFINITY
        this.#carried = new Set([...this.#known].filter((field) => !this.#isOwn(field)))
      } else this.#giveUpForgotten(told.owing)
      kept.life = told.life
      this.#heard.clear()
      this.#version = -1
      isNews = true
    }
    for (const [where, stamp] of told.floors) {
      see(stamp)
      if (kept.raise(where, stamp)) isNews = true
    }
    for (const [zone, forced] of told.forced) if (kept.force(zone, forced)) isNews = true
    if (this.#alike(told)) isNews = true
    const known = new Set([...told.owing, ...this.#carried])
    for (const field of known) this.#settleReplayed(field)
    if (known.size !== this.#known.size || [...known].some((field) => !this.#known.has(field))) isNews = true
    this.#replayed.clear()
    this.#known = known
    kept.owing = known
    this.#refresh()
    if (told.life !== this.#doubtedLife || told.ageMs >= retellMs) this.#askedAt = askedAt
    if (isNews) background.run('keep the state of the cache zones', kept.save())
    if (told.version <= this.#version) return
    this.#version = told.version
    background.run(
      'tell that the state of the cache zones is known',
      this.#publish(`heard ${told.version} ${this.#options.place} ${told.life}`),
    )
  }

  /** What this process owed before its home was lost: the journal that would tell which keys is gone with it. */
  #giveUpForgotten(owing: ReadonlySet<string>): void {
    for (const field of owing) {
      const [, zone = ''] = field.split(' ')
      if (this.#isOwn(field) && !this.#owing.has(zone)) this.#options.kept.raise(zone, this.#options.newStamp())
    }
  }

  /** An entry that nobody stands for any more: of an earlier life of this process, or of one whose journal was replayed. */
  #settleReplayed(field: string): void {
    const [place = '', zone = ''] = field.split(' ')
    const isOver = this.#isOwn(field) ? this.#isReplayed && !this.#owing.has(zone) : this.#replayed.has(place)
    if (isOver) this.#settled.add(field)
  }

  /** Which zones other processes ask by other nodes. True when one is asked alike again: what they wrote there meanwhile is given up. */
  #alike(told: Told): boolean {
    const before = this.#unlike
    const unlike = new Set<string>()
    for (const [place, asks] of told.pools) {
      if (place === this.#options.place) continue
      for (const [zone, nodes] of this.#pools) if ((asks[zone] ?? nodes) !== nodes) unlike.add(zone)
    }
    this.#unlike = unlike
    const alike = [...before].filter((zone) => !unlike.has(zone))
    for (const zone of alike) this.#options.kept.raise(zone, this.#options.newStamp())
    return alike.length > 0
  }

  #refresh(): void {
    const unread = new Set(this.#unlike)
    for (const [zone, nodes] of this.#pools) if (nodes === changing) unread.add(zone)
    for (const field of this.#known) {
      const [place = '', zone = ''] = field.split(' ')
      // What this very process owes it knows key by key.
      const isKnownByKey = this.#isOwn(field) && (this.#isReplayed || this.#owing.has(zone))
      if (!isKnownByKey && !this.#settled.has(field) && !this.#replayed.has(place)) unread.add(zone)
    }
    for (const [zone, { state }] of this.#options.kept.forced) if (state === 'write-only') unread.add(zone)
    this.#unread = unread
  }

  #take(text: string): void {
    const [kind, number = '', place = '', ...life] = text.split(' ')
    const version = Number(number)
    if (kind === 'news') {
      if (version > this.#version) this.#askSoon()
    } else if (life.join(' ') === this.#options.kept.life) {
      this.#heard.set(place, Math.max(version, this.#heard.get(place) ?? -1))
      for (const look of this.#waiting) look()
    }
  }

  async #publish(text: string): Promise<void> {
    try {
      await this.#asker.publish(this.#channel, text)
    } catch {
      // Whoever waits for it goes on when the lease of this process is over.
    }
  }

  #listen(): void {
    this.#options.background.run('listen to the state of the cache zones', async () => {
      try {
        await this.#listener.subscribe(this.#channel)
        this.#askSoon()
      } catch {
        // The connection ended meanwhile; its next one subscribes again.
      }
    })
  }

  #open(): Redis {
    const place = { kind: 'single', url: this.#options.url } as const
    const access: RedisAccess = { place, username: undefined, password: undefined, tls: false, ca: undefined }
    // Not pipelined by itself: what is said first must be done first.
    const own = { autoResubscribe: false, enableAutoPipelining: false }
    const client = new Redis(this.#options.url, { ...connectionOptions(access), ...own })
    client.on('error', (cause: unknown) => {
      if (!this.#away) this.#options.log.warn({ err: cause }, 'the Redis of the cache zones is away')
      this.#away = true
    })
    client.on('ready', () => {
      if (this.#away) this.#options.log.info({}, 'the Redis of the cache zones is back')
      this.#away = false
    })
    return client
  }

  readonly #field = (zone: string): string => `${this.#options.place} ${zone}`

  #isOwn(field: string): boolean {
    return field.startsWith(`${this.#options.place} `)
  }
}

/** Undefined when it takes longer; what it does then is of no interest. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
