import { setTimeout as pause } from 'node:timers/promises'
import type { CacheDebt } from '#routes/messages.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import {
  type Journal,
  type JournalReader,
  laneCount,
  type Taken,
  type TakenLog,
  type Through,
} from '../journal/journal.ts'
import type { BandwidthCap } from './bandwidth-cap.ts'
import { type BatchHeader, type Bump, batchBumpLimit, batchOperationLimit, batchTargetBytes } from './batch.ts'
import type { ReplicationPeer, Sent } from './replication-peer.ts'

export interface ShipperOptions {
  /** Name of the site that is told. */
  readonly to: string
  /** Our own. */
  readonly site: string
  readonly writer: number
  readonly journal: Pick<Journal, 'id' | 'place' | 'head' | 'stats' | 'afterLoss' | 'knowsLoss'>
  /** Of that journal, for that site. */
  readonly reader: JournalReader
  readonly peer: ReplicationPeer
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly background: Background
  /** Shared by all that ship there; absent: no limit. */
  readonly bandwidth?: BandwidthCap | undefined
}

/** What waits for one site. `deletes` and `oldestAgeMs` are the invalidation debt. */
export interface ShippingDebt extends CacheDebt {
  /** Namespaces whose invalidations found no room: the other site has still to give all of them up. */
  readonly dirty: readonly string[]
  /** Invalidations, by namespace. */
  readonly byNamespace: ReadonlyMap<string, number>
}

export interface ShippingLag {
  readonly waiting: number
  readonly waitingBytes: number
  /** Age of the oldest operation that waits, ms. */
  readonly oldestAgeMs: number
  readonly shipped: number
  readonly droppedSets: number
}

interface Lane {
  readonly index: number
  running: boolean
  /** Something came while it ran. */
  more: boolean
  /** The batch under way. */
  sending: Promise<unknown> | undefined
  /** Records at once: halved when a batch was too large for the other site or the link, and more with each that was not. */
  most: number
}

interface Batchful {
  readonly taken: Taken
  readonly bumps: readonly Bump[]
}

/** The other site hears of us so often, and takes a longer silence for a fault, ms. */
export const heartbeatMs = 250
const backOffMs = { first: 50, most: 1_000 }
const farewellMs = 500
const nothing: Taken = { invalidations: { after: 0, records: [] }, values: { after: 0, records: [] } }

/**
 * Tells one other site what stands in a journal: four lanes by key, in each one batch under way, repeated until it is
 * acknowledged. Nobody who writes ever waits for it. While the site does not answer, all lanes stand still and one
 * heartbeat at a time asks for it.
 */
export class Shipper {
  readonly #options: ShipperOptions
  readonly #lanes: readonly Lane[] = Array.from({ length: laneCount }, (_, index) => ({
    index,
    running: false,
    more: false,
    sending: undefined,
    most: batchOperationLimit,
  }))
  readonly #stopped = new AbortController()
  /** Called after each answer of the other site, and at the end. */
  readonly #onAnswer = new Set<() => void>()
  readonly #endListening: () => void
  readonly #beats: NodeJS.Timeout
  #probe: NodeJS.Timeout | undefined
  #probing = false
  /** Questions in a row that it did not answer; above 0 nothing else is shipped. */
  #failures = 0
  #sentAtMs = Number.NEGATIVE_INFINITY
  #shipped = 0
  #leaving = false
  /**
   * The other site has answered this life of the journal: had an earlier one been lost, it would have given up by now what it
   * missed. Before that nobody knows whether it has everything.
   */
  #known = false

  constructor(options: ShipperOptions) {
    this.#options = options
    this.#endListening = options.reader.onMore((lane) => this.#wake(lane))
    this.#beats = setInterval(() => this.#beat(), heartbeatMs).unref()
    // What an earlier process left; and whether anybody is there.
    for (const { index } of this.#lanes) this.#wake(index)
    setImmediate(() => this.#beat())
  }

  /** The site that is told. */
  get to(): string {
    return this.#options.to
  }

  debt(): ShippingDebt {
    const { invalidations, values, oldestSinceMs, byNamespace } = this.#options.reader.debt()
    const dirty = [...new Set(this.#options.reader.bumps().map(({ namespace }) => namespace))]
    const deletes = invalidations === 0 && !this.#known ? 1 : invalidations
    return { deletes, sets: values, oldestAgeMs: this.#ageMs(oldestSinceMs), dirty, byNamespace }
  }

  lag(): ShippingLag {
    const { invalidations, values, bytes, waitingSinceMs } = this.#options.reader.debt()
    return {
      waiting: invalidations + values,
      waitingBytes: bytes,
      oldestAgeMs: this.#ageMs(waitingSinceMs),
      shipped: this.#shipped,
      droppedSets: this.#options.journal.stats().droppedValues,
    }
  }

  /** True when all that was written has reached the other site, false when `deadlineMs` passed before. */
  drained(deadlineMs: number): Promise<boolean> {
    return this.#until(() => this.#known && this.#waits() === 0, deadlineMs)
  }

  /** True when the other site has applied every delete and invalidation, false when `deadlineMs` passed before. */
  settled(deadlineMs: number): Promise<boolean> {
    return this.#until(() => this.#known && this.#options.reader.debt().invalidations === 0, deadlineMs)
  }

  /** Stops. What still waits stays in the journal; where nothing does, the other site is told that nothing will come. */
  async close(): Promise<void> {
    this.#leaving = true
    this.#endListening()
    clearInterval(this.#beats)
    clearTimeout(this.#probe)
    if (this.#failures === 0 && this.#waits() === 0 && !this.#stopped.signal.aborted) await this.#takeLeave()
    this.#stopped.abort()
    for (const look of [...this.#onAnswer]) look()
    await this.#options.peer.close()
  }

  #wake(index: number): void {
    const lane = this.#lanes[index] as Lane
    lane.more = true
    if (lane.running || this.#failures > 0 || this.#isEnding()) return
    lane.running = true
    // At the end of the turn, so that what is written together travels together.
    setImmediate(() => this.#options.background.run('ship cache writes', this.#ship(lane)))
  }

  async #ship(lane: Lane): Promise<void> {
    let setbacks = 0
    try {
      while (lane.more && this.#failures === 0 && !this.#isEnding()) {
        lane.more = false
        const done = await this.#shipNext(lane)
        // Until a look finds nothing, there may be more.
        if (done !== 'nothing') lane.more = true
        setbacks = done === 'none' ? setbacks + 1 : done === 'part' ? 1 : 0
        if (setbacks > 0 && this.#failures === 0) await this.#backOff(setbacks)
      }
    } finally {
      // In the same turn as the last look at `more`: a write that comes one microtask later starts a new run.
      lane.running = false
    }
  }

  /** `part`, `none`: so much of it was taken there. */
  async #shipNext(lane: Lane): Promise<'whole' | 'part' | 'none' | 'nothing'> {
    let batch: Batchful | undefined
    try {
      batch = await this.#take(lane)
    } catch (cause) {
      this.#options.log.error({ to: this.to, lane: lane.index, err: cause }, 'the journal cannot be read')
      return 'none'
    }
    if (batch === undefined) return 'nothing'
    const { taken, bumps } = batch
    const through = await this.#send(lane, taken, bumps)
    if (through === undefined) return 'none'
    const { reader } = this.#options
    reader.acknowledge(lane.index, through)
    for (const bump of bumps) reader.settleBump(bump)
    const before = this.#shipped
    for (const log of ['invalidations', 'values'] as const) {
      for (const { seq } of taken[log].records) if (seq <= through[log]) this.#shipped++
    }
    this.#answered()
    const count = this.#shipped - before
    return count === countOf(taken) ? 'whole' : count > 0 ? 'part' : 'none'
  }

  async #take(lane: Lane): Promise<Batchful | undefined> {
    const { bandwidth } = this.#options
    const batch = await this.#look(lane)
    if (batch === undefined || bandwidth === undefined) return batch
    const isUrgent = batch.taken.invalidations.records.length + batch.bumps.length > 0
    // Where it had to wait, it may by now begin with an invalidation.
    return (await bandwidth.admit(isUrgent)) ? batch : this.#look(lane)
  }

  async #look({ index, most }: Lane): Promise<Batchful | undefined> {
    const { reader, bandwidth } = this.#options
    const bumps = index === 0 ? reader.bumps().slice(0, batchBumpLimit) : []
    const taken = await reader.take(index, most, Math.min(batchTargetBytes, bandwidth?.batchBytes ?? batchTargetBytes))
    return bumps.length + countOf(taken) === 0 ? undefined : { taken, bumps }
  }

  /** Up to where the other site has it; undefined: nobody knows, or it took nothing. */
  async #send(lane: Lane, taken: Taken, bumps: readonly Bump[]): Promise<Through | undefined> {
    // A heartbeat may be under way.
    while (lane.sending !== undefined) await lane.sending
    const { peer, bandwidth } = this.#options
    this.#sentAtMs = this.#options.clock.monotonic()
    const records = [...taken.invalidations.records, ...taken.values.records].map(({ bytes }) => bytes)
    const sending = peer.send({ header: this.#header(lane.index, taken, bumps), records })
    lane.sending = sending.catch(() => undefined)
    let sent: Sent
    try {
      sent = await sending
    } catch (cause) {
      // Perhaps the link is too slow for so much within the deadline.
      if (records.length > 0) lane.most = halved(lane.most, records.length)
      this.#failed({ err: cause })
      return undefined
    } finally {
      lane.sending = undefined
    }
    if (sent.kind === 'later') this.#failed({ because: sent.because }, sent.afterMs)
    if (sent.kind === 'too-large') this.#shrink(lane, records.length)
    if (sent.kind !== 'taken') return undefined
    bandwidth?.spend(sent.bytes)
    // Slowly: where the link is the limit, each batch that is too large costs a whole deadline.
    if (records.length > 0) lane.most = Math.min(batchOperationLimit, lane.most + Math.ceil(lane.most / 8))
    const { through } = sent.acknowledgement
    return {
      invalidations: shippedThrough(taken.invalidations, through.invalidations),
      values: shippedThrough(taken.values, through.values),
    }
  }

  #shrink(lane: Lane, count: number): void {
    const most = halved(lane.most, count)
    if (most !== lane.most) this.#options.log.warn({ to: this.to, lane: lane.index, most }, 'a batch was too large')
    lane.most = most
  }

  #header(lane: number, taken: Taken, bumps: readonly Bump[], closed = false): BatchHeader {
    const { site, writer, journal, reader, clock } = this.#options
    const { invalidations, waitingSinceMs } = reader.debt()
    return {
      v: 2,
      site,
      place: journal.place,
      journal: journal.id,
      writer,
      lane,
      head: journal.head,
      debt: invalidations,
      waiting: Math.floor(waitingSinceMs ?? 0),
      now: Math.floor(clock.now()),
      ...(closed ? { closed } : {}),
      ...(journal.afterLoss ? { afterLoss: true as const } : {}),
      invalidations: logHeader(taken.invalidations),
      values: logHeader(taken.values),
      bumps,
    }
  }

  /** So that the other site knows that it hears all there is to hear; not beside batches that tell it as well. */
  #beat(): void {
    const silentMs = this.#options.clock.monotonic() - this.#sentAtMs
    if (this.#isEnding() || this.#failures > 0 || silentMs < heartbeatMs / 2) return
    this.#options.background.run('tell another site that we are here', this.#heartbeat())
  }

  async #heartbeat(): Promise<void> {
    const lane = this.#lanes[0] as Lane
    if (lane.sending !== undefined) return
    // What the other site has of this lane: it finds a gap by that. One that cannot be read finds none.
    const { invalidations, values } = await this.#options.reader.take(lane.index, 1, 1).catch(() => nothing)
    if (lane.sending !== undefined || this.#isEnding()) return
    const through = await this.#send(lane, { invalidations: none(invalidations), values: none(values) }, [])
    if (through !== undefined) this.#answered()
  }

  #answered(): void {
    this.#known = true
    this.#options.journal.knowsLoss(this.to)
    if (this.#failures > 0) {
      this.#options.log.info({ to: this.to, failures: this.#failures }, 'the other site takes cache writes again')
      this.#failures = 0
      clearTimeout(this.#probe)
      for (const { index } of this.#lanes) this.#wake(index)
    }
    for (const look of [...this.#onAnswer]) look()
  }

  /** The lanes stop by themselves; from now on one heartbeat at a time asks when all of them may go on. */
  #failed(facts: object, afterMs?: number): void {
    // What was sent before the outage was noticed says nothing new.
    if (this.#isEnding() || (this.#failures > 0 && !this.#probing)) return
    // Once an outage: the debt tells how it goes on.
    if (this.#failures === 0)
      this.#options.log.warn({ to: this.to, ...facts }, 'the other site does not take cache writes')
    this.#failures++
    this.#probeIn(afterMs ?? this.#delayMs(this.#failures))
  }

  #probeIn(delayMs: number): void {
    clearTimeout(this.#probe)
    this.#probe = setTimeout(() => this.#options.background.run('ask for another site', this.#ask()), delayMs).unref()
  }

  async #ask(): Promise<void> {
    const before = this.#failures
    this.#probing = true
    await this.#heartbeat()
    this.#probing = false
    // Not asked, since a batch is still under way there.
    if (this.#failures === before && before > 0) this.#probeIn(heartbeatMs)
  }

  async #takeLeave(): Promise<void> {
    const last = this.#header(0, nothing, [], true)
    const sent = this.#options.peer.send({ header: last, records: [] })
    const late = pause(farewellMs, undefined, { ref: false })
    // A site that does not hear it takes our silence for a fault, and gives up what it may have missed.
    await Promise.race([sent, late]).catch(() => undefined)
  }

  async #until(isDone: () => boolean, deadlineMs: number): Promise<boolean> {
    if (isDone() || this.#stopped.signal.aborted) return isDone()
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#onAnswer.delete(look)
        resolve()
      }
      const look = (): void => {
        if (isDone() || this.#stopped.signal.aborted) end()
      }
      const timer = setTimeout(end, deadlineMs)
      this.#onAnswer.add(look)
    })
    return isDone()
  }

  async #backOff(setbacks: number): Promise<void> {
    const options = { signal: this.#stopped.signal, ref: false }
    // Rejects only when we are stopped, which the loop looks at itself.
    await pause(this.#delayMs(setbacks), undefined, options).catch(() => undefined)
  }

  #delayMs(failures: number): number {
    const delayMs = Math.min(backOffMs.most, backOffMs.first * 2 ** Math.min(failures - 1, 10))
    return delayMs * (1 + this.#options.random.next() / 2)
  }

  #waits(): number {
    const { invalidations, values } = this.#options.reader.debt()
    return invalidations + values
  }

  #isEnding(): boolean {
    return this.#leaving || this.#stopped.signal.aborted
  }

  #ageMs(sinceMs: number | undefined): number {
    return sinceMs === undefined ? 0 : Math.max(0, this.#options.clock.now() - sinceMs)
  }
}

const logHeader = ({ after, records }: TakenLog) => ({
  after,
  first: records[0]?.seq ?? 0,
  count: records.length,
})

const countOf = ({ invalidations, values }: Taken): number => invalidations.records.length + values.records.length

const halved = (most: number, count: number): number => Math.max(1, Math.ceil(Math.min(most, count) / 2))

const none = ({ after }: TakenLog): TakenLog => ({ after, records: [] })

/** Never beyond what it was given: a wrong word of the other site must not make us forget what it does not have. */
const shippedThrough = ({ after, records }: TakenLog, through: number): number =>
  Math.max(after, Math.min(through, records.at(-1)?.seq ?? after))
