import { setTimeout as pause } from 'node:timers/promises'
import type { CacheDebt } from '#routes/messages.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import { type Batch, batchOperationLimit, batchTargetBytes } from './batch.ts'
import { type CacheOperation, operationName } from './cache-operation.ts'
import { fnv1a } from './fnv.ts'
import type { ReplicationPeer } from './replication-peer.ts'
import { type Queued, ShippingLane } from './shipping-lane.ts'

export interface ShipperOptions {
  /** Name of the site that is told. */
  readonly to: string
  /** Our own. */
  readonly site: string
  readonly writer: number
  readonly peer: ReplicationPeer
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly background: Background
  /** Operations that wait, at most; default 200,000. */
  readonly operationLimit?: number
  /** Values that wait, at most, bytes together; default 64 MiB. */
  readonly setLimitBytes?: number
}

/** What waits for one site. `deletes` and `oldestAgeMs` are the invalidation debt. */
export interface ShippingDebt extends CacheDebt {
  /** Namespaces of which a delete was lost. While one is named here `deletes` is above 0. */
  readonly dirty: readonly string[]
}

export interface ShippingLag {
  readonly waiting: number
  readonly waitingBytes: number
  /** Age of the oldest operation that waits, ms. */
  readonly oldestAgeMs: number
  readonly shipped: number
  readonly droppedSets: number
}

const laneCount = 4
const backOffMs = { first: 50, most: 5_000 }

/**
 * Tells one other site what was written here: four lanes by key, in each one batch under way, repeated until it is
 * acknowledged. Nobody who writes ever waits for it.
 */
export class Shipper {
  readonly #options: ShipperOptions
  readonly #lanes: readonly ShippingLane[]
  readonly #journal: string
  readonly #stopped = new AbortController()
  readonly #shipping = new Set<number>()
  readonly #told = new Set<string>()
  #onDrained: (() => void)[] = []
  /** Called after each answer of the other site. */
  readonly #onAnswer = new Set<() => void>()
  #shipped = 0

  constructor(options: ShipperOptions) {
    this.#options = options
    this.#journal = options.random.id()
    const limits = {
      operations: Math.ceil((options.operationLimit ?? 200_000) / laneCount),
      setBytes: Math.ceil((options.setLimitBytes ?? 64 * 1024 * 1024) / laneCount),
    }
    this.#lanes = Array.from({ length: laneCount }, () => new ShippingLane(limits))
  }

  /** The site that is told. */
  get to(): string {
    return this.#options.to
  }

  /** Takes note of a write; returns at once. */
  append(operation: CacheOperation): void {
    const index = fnv1a(operationName(operation)) % laneCount
    const lane = this.#lanes[index] as ShippingLane
    lane.append(operation, this.#options.clock.now())
    this.#tellDirty(lane)
    if (this.#shipping.has(index) || this.#stopped.signal.aborted) return
    this.#shipping.add(index)
    // At the end of the turn, so that what is written together travels together.
    setImmediate(() => this.#options.background.run('ship cache writes', this.#ship(lane, index)))
  }

  debt(): ShippingDebt {
    const since = earliest(this.#lanes.map((lane) => lane.owedSinceMs))
    return {
      deletes: this.#sum((lane) => lane.owed),
      sets: this.#sum((lane) => lane.sets),
      oldestAgeMs: this.#ageMs(since),
      dirty: [...new Set(this.#lanes.flatMap((lane) => [...lane.dirty]))],
    }
  }

  lag(): ShippingLag {
    return {
      waiting: this.#sum((lane) => lane.size),
      waitingBytes: this.#sum((lane) => lane.setBytes),
      oldestAgeMs: this.#ageMs(earliest(this.#lanes.map((lane) => lane.waitingSinceMs))),
      shipped: this.#shipped,
      droppedSets: this.#sum((lane) => lane.droppedSets),
    }
  }

  /** True when all that was written has reached the other site, false when `deadlineMs` passed before. */
  async drained(deadlineMs: number): Promise<boolean> {
    const isEmpty = (): boolean => this.#lanes.every((lane) => lane.size === 0)
    if (isEmpty() || this.#stopped.signal.aborted) return isEmpty()
    const deadline = AbortSignal.any([AbortSignal.timeout(deadlineMs), this.#stopped.signal])
    await new Promise<void>((resolve) => {
      this.#onDrained.push(resolve)
      deadline.addEventListener('abort', () => resolve(), { once: true })
    })
    return isEmpty()
  }

  /** True when the other site has applied every delete and invalidation, false when `deadlineMs` passed before. */
  async settled(deadlineMs: number): Promise<boolean> {
    const isSettled = (): boolean => this.#lanes.every((lane) => lane.owed === 0)
    if (isSettled() || this.#stopped.signal.aborted) return isSettled()
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#onAnswer.delete(look)
        resolve()
      }
      const look = (): void => {
        if (isSettled() || this.#stopped.signal.aborted) end()
      }
      const timer = setTimeout(end, deadlineMs)
      this.#onAnswer.add(look)
    })
    return isSettled()
  }

  /** Stops; what still waits is lost, and `debt` goes on telling how much. */
  async close(): Promise<void> {
    this.#stopped.abort()
    await this.#options.peer.close()
  }

  async #ship(lane: ShippingLane, index: number): Promise<void> {
    await this.#empty(lane, index)
    if (this.#lanes.every(({ size }) => size === 0)) {
      for (const drained of this.#onDrained.splice(0)) drained()
    }
  }

  async #empty(lane: ShippingLane, index: number): Promise<void> {
    let failures = 0
    try {
      while (lane.size > 0 && !this.#stopped.signal.aborted) failures = await this.#sendOne(lane, index, failures)
    } finally {
      // In the same turn as the last look at the lane: a write that comes one microtask later starts a new run.
      this.#shipping.delete(index)
    }
  }

  /** How many sends have failed in a row. */
  async #sendOne(lane: ShippingLane, index: number, before: number): Promise<number> {
    const { clock, peer, log, to } = this.#options
    let failures = before
    const taken = lane.take(batchOperationLimit, batchTargetBytes, clock.now())
    try {
      const { through, failed } = await peer.send(this.#batch(lane, index, taken))
      lane.acknowledge(taken, through)
      this.#shipped += taken.filter(({ seq }) => seq <= through).length
      for (const look of this.#onAnswer) look()
      if (failures > 0 && failed === 0)
        log.info({ to, lane: index, failures }, 'the other site takes cache writes again')
      failures = failed === 0 ? 0 : failures + 1
    } catch (cause) {
      failures++
      // Once an outage: the debt tells how it goes on.
      if (failures === 1) log.warn({ to, lane: index, err: cause }, 'the other site does not take cache writes')
    }
    if (failures > 0) await this.#backOff(failures)
    return failures
  }

  #batch(lane: ShippingLane, index: number, taken: readonly Queued[]): Batch {
    return {
      header: {
        v: 1,
        site: this.#options.site,
        writer: this.#options.writer,
        journal: this.#journal,
        lane: index,
        first: taken[0]?.seq ?? 0,
        count: taken.length,
        head: lane.head,
        debt: lane.owed,
        now: Math.floor(this.#options.clock.now()),
      },
      operations: taken,
    }
  }

  async #backOff(failures: number): Promise<void> {
    const delayMs = Math.min(backOffMs.most, backOffMs.first * 2 ** (failures - 1))
    const spread = delayMs * (1 + this.#options.random.next() / 2)
    // Rejects only when we are stopped, which the loop looks at itself.
    await pause(spread, undefined, { signal: this.#stopped.signal, ref: false }).catch(() => undefined)
  }

  #tellDirty(lane: ShippingLane): void {
    if (lane.dirty.size === 0) return
    for (const namespace of lane.dirty) {
      if (this.#told.has(namespace)) continue
      this.#told.add(namespace)
      this.#options.log.error(
        { to: this.#options.to, namespace },
        'deletes for the other site were lost: it may serve what was deleted here until the values expire',
      )
    }
  }

  #sum(of: (lane: ShippingLane) => number): number {
    return this.#lanes.reduce((sum, lane) => sum + of(lane), 0)
  }

  #ageMs(sinceMs: number | undefined): number {
    return sinceMs === undefined ? 0 : Math.max(0, this.#options.clock.now() - sinceMs)
  }
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
