import { LRUCache } from 'lru-cache'
import type { Clock } from '#server-kit/clock.ts'

export interface HitForMissOptions {
  readonly clock: Clock
  /** Keys that are remembered; the one that was marked longest ago goes first. */
  readonly marks?: number
  /** How long a mark holds, ms. */
  readonly markMs?: number
  /** Routes whose last answers are remembered. */
  readonly routes?: number
}

/** So many answers of a route, all unstorable, say what the next one will be. Bits of `Route.last`. */
const allUnstorable = 0xff
/** Of a route that was never of use to waiters one request in so many still tries: it may have changed. */
const probeEvery = 32

/** What was seen of a route. */
interface Route {
  /** The last eight answers, one bit each; 1 = unstorable. */
  last: number
  arrivals: number
}

/**
 * Which requests need not wait for another one's answer, since it would be of no use to them: those of keys whose answer could
 * not be stored a moment ago, and those of routes whose answers never can (W3). Without it the clients of an uncacheable
 * page would pay one another's origin time.
 */
export class HitForMiss {
  readonly #clock: Clock
  readonly #markMs: number
  /** Monotonic ms until which each key is marked. */
  readonly #marks: LRUCache<string, number>
  readonly #routes: LRUCache<string, Route>

  constructor({ clock, marks = 100_000, markMs = 30_000, routes = 10_000 }: HitForMissOptions) {
    this.#clock = clock
    this.#markMs = markMs
    this.#marks = new LRUCache({ max: marks })
    this.#routes = new LRUCache({ max: routes })
  }

  isMarked(key: string): boolean {
    const until = this.#marks.peek(key)
    if (until === undefined) return false
    if (until > this.#clock.monotonic()) return true
    this.#marks.delete(key)
    return false
  }

  /** The route's answers are of no use to others. Counts the request that asks: one in 32 is told false, to find out anew. */
  predicts(route: string): boolean {
    const seen = this.#routes.get(route)
    return seen !== undefined && seen.last === allUnstorable && ++seen.arrivals % probeEvery !== 0
  }

  /** What came of a request, whether it led, waited or went alone: whoever else had asked could have had it, or not. */
  answered(key: string, route: string, storable: boolean): void {
    if (storable) this.#marks.delete(key)
    else this.#marks.set(key, this.#clock.monotonic() + this.#markMs)
    const seen = this.#routes.get(route)
    if (seen === undefined) this.#routes.set(route, { last: storable ? 0 : 1, arrivals: 0 })
    else seen.last = ((seen.last << 1) | (storable ? 0 : 1)) & allUnstorable
  }

  /** Keys that are marked, or were until a moment ago. */
  get marks(): number {
    return this.#marks.size
  }
}
