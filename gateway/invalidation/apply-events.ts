import { Problem } from '#routes/problem.ts'
import type { Table } from '#routes/table.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { applyPurge, type KeyedDeletes, type Purge, planPurge } from '../cache/purge.ts'
import { problems } from '../errors.ts'
import type { CacheStore, Stamp } from '../store/cache-store.ts'
import { matchesNamespace } from '../store/namespace-pattern.ts'
import { type StampClock, stampMs } from '../store/stamp.ts'
import type { ChangeRule } from './change-event.ts'
import { faulty, readEvents } from './event.ts'
import type { EventMetrics, SourceName } from './event-metrics.ts'
import type { EventSink, GapReason, Message, Verdict } from './event-source.ts'
import type { InvalidationEvent } from './invalidation-event.ts'

export interface EventApplierOptions {
  /** The outermost store: its answer means every zone of this site, and the journal to the others. */
  readonly store: Pick<CacheStore, 'bump' | 'delete' | 'invalidate'>
  /** How single keys go that an event names without a stamp. Absent: by the stamp of acceptance alone. */
  readonly items?: KeyedDeletes
  readonly stamps: StampClock
  readonly table: () => Table | undefined
  /** Namespaces that events may name, as patterns. */
  readonly namespaces: readonly string[]
  readonly changes: readonly ChangeRule[]
  /** Every namespace that is known by its name, for the day on which nobody knows what a lost event has meant. */
  readonly knownNamespaces: () => Iterable<string>
  /** Gives up all that is older at this site, whatever its namespace: true once that outlives this process. */
  readonly raiseFloor: (stamp: Stamp) => Promise<boolean>
  readonly clock: Clock
  readonly log: Log
  readonly metrics: EventMetrics
}

/** What is ready to be applied: nothing of it can be refused any more. */
export interface PlannedEvent {
  readonly event: InvalidationEvent
  readonly purge: Purge
}

/** A message may be read and planned by then, or it says all that is wrong with it. */
export type EventPlan =
  | { readonly kind: 'planned'; readonly events: readonly PlannedEvent[] }
  | { readonly kind: 'faults'; readonly faults: readonly string[] }

/** Events of one message that are applied at once: each may have a thousand words. */
const atOnce = 8
/** Namespaces that are remembered for having been named by an event. */
const seenLimit = 10_000

/**
 * Applies events, from wherever they came. Doing one twice, or in another order, changes nothing: whoever has its stamp is
 * right, and who has none gets one here, above all that was stored before.
 */
export class EventApplier {
  readonly #options: EventApplierOptions
  readonly #seen = new Set<string>()

  constructor(options: EventApplierOptions) {
    this.#options = options
  }

  /** Reads all of a message, or names every fault. Throws `table-missing` where words cannot be read yet. */
  plan(text: string): EventPlan {
    const { namespaces, changes, table } = this.#options
    const read = readEvents(text, changes)
    if (read.kind === 'faults') return read
    const faults: string[] = []
    const events: PlannedEvent[] = []
    for (const [at, event] of read.events.entries()) {
      const { namespace, words } = event
      if (!namespaces.some((pattern) => matchesNamespace(pattern, namespace)))
        faults.push(`[${at}]: cache.events.namespaces does not cover ${namespace}`)
      try {
        events.push({ event, purge: planPurge(table(), namespace, words) })
      } catch (cause) {
        if (!(cause instanceof Problem) || cause.status >= 500) throw cause
        faults.push(`[${at}]: ${cause.message}`)
      }
    }
    return faults.length > 0 ? faulty(faults) : { kind: 'planned', events }
  }

  /**
   * Resolves when all of it is durable at this site and on its way to the others. Throws `cache-invalidation-not-durable`
   * when some may not be: all of it again is right and harmless.
   */
  async apply(events: readonly PlannedEvent[], source: SourceName, tookMs: number): Promise<void> {
    const { store, items, clock, metrics } = this.#options
    for (let from = 0; from < events.length; from += atOnce) {
      const some = events.slice(from, from + atOnce)
      await Promise.all(
        some.map(async ({ event, purge }) => {
          if (this.#seen.size < seenLimit) this.#seen.add(event.namespace)
          // A stamp in the event is its word, newer values stay; without one all that is there now is meant, whatever its clock.
          await applyPurge(store, purge, this.#stampOf(event), event.stamp === undefined ? items : undefined)
          const sinceMs = event.stamp === undefined ? (event.atMs ?? tookMs) : stampMs(event.stamp)
          metrics.staleness.observe({ source }, Math.max(0, clock.now() - sinceMs) / 1_000)
        }),
      )
    }
  }

  /** For a source: `source` is its name in the metrics. */
  sink(source: SourceName): EventSink {
    return {
      take: async (message) => {
        try {
          const verdict = await this.#take(message, source)
          this.#options.metrics.messages.inc({ source, outcome: verdict.kind })
          return verdict
        } catch (cause) {
          this.#options.metrics.messages.inc({ source, outcome: 'failed' })
          throw cause
        }
      },
      missed: (because) => this.missed(because),
    }
  }

  /**
   * Events are lost, and nobody knows what they meant. Every namespace that is known is emptied here and at the other sites;
   * where events may name others, all that this site has is given up, too: cold, never stale.
   */
  async missed(because: GapReason): Promise<void> {
    const { store, stamps, namespaces, knownNamespaces, raiseFloor, log, metrics } = this.#options
    metrics.gaps.inc({ reason: because })
    const stamp = stamps.next()
    const exact = namespaces.filter((pattern) => !pattern.endsWith('*'))
    const isMeant = (namespace: string) => namespaces.some((pattern) => matchesNamespace(pattern, namespace))
    const known = new Set([...exact, ...this.#seen, ...knownNamespaces()].filter(isMeant))
    const everywhere = exact.length < namespaces.length
    log.error(
      { because, namespaces: [...known].slice(0, 50), everywhere },
      'events were lost: what they could mean is given up',
    )
    if (everywhere && !(await raiseFloor(stamp))) throw problems['cache-invalidation-not-durable']()
    for (const namespace of known)
      await applyPurge(store, { namespace, all: true, tags: [], scopes: [], keys: [] }, stamp)
  }

  async #take({ text, atMs }: Message, source: SourceName): Promise<Verdict> {
    try {
      const plan = this.plan(text)
      if (plan.kind === 'faults') return { kind: 'dead', because: plan.faults.join('; ') }
      await this.apply(plan.events, source, atMs)
      return { kind: 'applied' }
    } catch (cause) {
      // What is away comes back: no number of tries makes the message wrong.
      if (cause instanceof Problem && cause.status === 503) return { kind: 'later', because: cause.message }
      throw cause
    }
  }

  /** A stamp from too far ahead would keep out every value until then: it is applied, as of now. */
  #stampOf({ stamp }: InvalidationEvent): Stamp {
    const { stamps, log, clock } = this.#options
    if (stamp === undefined) return stamps.next()
    const skew = stamps.see(stamp)
    if (skew !== 'near' && stamps.alarm())
      log.error({ aheadMs: stampMs(stamp) - clock.now() }, 'an event has a stamp from a clock ahead of ours')
    return skew === 'beyond' ? stamps.next() : stamp
  }
}
