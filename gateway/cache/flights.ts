/**
 * FLIGHTS: requests that ask for the same at the same time share one fetch (http-caching.md section 11). No I/O in here:
 * whoever leads fetches, and tells the flight what it learned.
 *
 *   const joined = flights.join({ key, marked, route, request, waitMs, regrouped: 0 })
 *   switch (joined.kind) {
 *     'lead'    -> fetch; at the response's head call exactly one of the lead's verbs, and `end` when the entry is stored:
 *                    lead.give(answer, admits)    storable, length known: waiters and later ones get it now
 *                    lead.hold(admits)            storable, length unknown: they get it by a later `give`, once it is whole
 *                    lead.release(because)        of no use to others: all waiters go on by themselves, at once
 *                    lead.fail(thrown)            the gateway itself failed or refused: so it does for all waiters
 *                    lead.leave()                 the leader's client is gone; `whenAbandoned` fires when nobody waits (any more)
 *                    lead.end()                   in any case, last, once: stored, or not; whoever still waits is released
 *     'wait'    -> x.whenGone = joined.waiter.leave; await joined.waiter.outcome, which is one of the four below, or 'left'
 *     'answer'  -> use it (its body may be over by now: then go alone)
 *     'regroup' -> other Vary values than the leader's: join again with a key made from `vary`, `regrouped` one higher
 *     'failed'  -> throw `thrown`: its own request id goes into the answer
 *     'alone'   -> fetch for yourself; tell `flights.answered` what came of it, so that marks come and go
 *   }
 *   flights.lead(options): for a background refresh: undefined where somebody fetches already
 *
 * `R` is what tells one waiter's variant from another's (the request), `A` what waiters share (head, and a SharedBody).
 */
import type { HitForMiss } from './hit-for-miss.ts'
import type { Timers } from './timers.ts'

/** Why a leader lets its waiters go. Those of `marking` hold for the next requests of the key, too. */
export type Released =
  | 'unstorable'
  | 'not-fresh'
  | 'too-large'
  | 'trailers'
  | 'busy'
  | 'server-error'
  | 'broken'
  | 'unfinished'

/** Why a request goes to the service by itself. Closed: a label of metrics. */
export const aloneReasons = [
  // Before it waited:
  'marked',
  'predicted',
  'crowded',
  'unsteady',
  // After:
  'late',
  'unstorable',
  'not-fresh',
  'too-large',
  'trailers',
  'busy',
  'server-error',
  'broken',
  'unfinished',
] as const
export type Alone = (typeof aloneReasons)[number]

export type Outcome<A> =
  | { readonly kind: 'answer'; readonly answer: A }
  | { readonly kind: 'regroup'; readonly vary: readonly string[] }
  | { readonly kind: 'failed'; readonly thrown: unknown }
  | { readonly kind: 'alone'; readonly because: Alone }

/** How a wait ended; `left`: its client went. */
export type Ended<A> = Outcome<A> | { readonly kind: 'left' }

export interface JoinOptions<R> {
  /** Of the flight: primary key, client conditions, and values of Vary where its names are known (W1). */
  readonly key: string
  /** What a hit-for-miss mark is put on: the primary key. */
  readonly marked: string
  /** Id of the route. */
  readonly route: string
  readonly request: R
  /** How long it may wait, less what it has waited before, ms; the flight waits 5 s at most. */
  readonly waitMs: number
  /** How often it was sent on to another variant. */
  readonly regrouped: number
}

/** Which waiters an answer is for. */
export interface Admits<R> {
  /** Names of its Vary. */
  readonly vary: readonly string[]
  /** Also asked for requests that come later, until `end`. */
  admits(request: R): boolean
}

export interface Lead<R, A> {
  readonly waiting: number
  /** Called once, when the leader's client and all waiters are gone before the answer was given: the fetch is for nobody. */
  whenAbandoned: (() => void) | undefined
  give(answer: A, admits: Admits<R>): void
  hold(admits: Admits<R>): void
  release(because: Released): void
  fail(thrown: unknown): void
  leave(): void
  end(): void
}

export interface Waiter<A> {
  /** Resolves once, in time; never rejects. */
  readonly outcome: Promise<Ended<A>>
  /** Its client is gone. */
  readonly leave: () => void
}

export type Joined<R, A> =
  | { readonly kind: 'lead'; readonly lead: Lead<R, A> }
  | { readonly kind: 'wait'; readonly waiter: Waiter<A> }
  | Outcome<A>

export interface FlightsOptions {
  readonly timers: Timers
  readonly hitForMiss: HitForMiss
  /** Requests that wait for one fetch; more go alone. */
  readonly waitersAtMost?: number
  /** Told for each waiter that went on by itself. */
  readonly released?: (because: Alone) => void
}

const longestWaitMs = 5_000
/** A service whose Vary changes from answer to answer could send a request round for ever. */
const regroupsAtMost = 3
/** Of use to nobody else, now and (most likely) the next time. An origin's 5xx or a lack of memory say nothing of the key. */
export const marking: ReadonlySet<Released> = new Set(['unstorable', 'not-fresh', 'too-large', 'trailers'])

/** The flights of one process. Their number is that of fetches under way, which the limits of requests in flight bound. */
export class Flights<R, A> {
  readonly #timers: Timers
  readonly #hitForMiss: HitForMiss
  readonly #waitersAtMost: number
  readonly #released: ((because: Alone) => void) | undefined
  readonly #flights = new Map<string, Flight<R, A>>()

  constructor({ timers, hitForMiss, waitersAtMost = 1_000, released }: FlightsOptions) {
    this.#timers = timers
    this.#hitForMiss = hitForMiss
    this.#waitersAtMost = waitersAtMost
    this.#released = released
  }

  /** Fetches under way that others can join. */
  get size(): number {
    return this.#flights.size
  }

  /** Requests that wait for another one's fetch. */
  get waiting(): number {
    let waiting = 0
    for (const flight of this.#flights.values()) waiting += flight.waiting
    return waiting
  }

  join(options: JoinOptions<R>): Joined<R, A> {
    const { key, marked, route, request } = options
    if (options.regrouped > regroupsAtMost) return this.#alone('unsteady')
    const flight = this.#flights.get(key)
    // What is arriving already costs nobody a wait.
    const given = flight?.given
    if (given !== undefined) return outcomeOf(given, request)
    if (this.#hitForMiss.isMarked(marked)) return this.#alone('marked')
    if (this.#hitForMiss.predicts(route)) return this.#alone('predicted')
    if (flight === undefined) return { kind: 'lead', lead: this.#open(options) }
    const { held } = flight
    if (held !== undefined && !held.admits(request)) return { kind: 'regroup', vary: held.vary }
    if (flight.waiting >= this.#waitersAtMost) return this.#alone('crowded')
    const waitMs = Math.min(options.waitMs, longestWaitMs)
    if (waitMs <= 0) return this.#alone('late')
    return { kind: 'wait', waiter: flight.join(request, waitMs, this.#timers) }
  }

  /** For a fetch that no client asked for: it is never abandoned. Undefined: somebody fetches already. */
  lead(options: Pick<JoinOptions<R>, 'key' | 'marked' | 'route'>): Lead<R, A> | undefined {
    return this.#flights.has(options.key) ? undefined : this.#open(options)
  }

  /** What came of a request that went alone. */
  answered(marked: string, route: string, storable: boolean): void {
    this.#hitForMiss.answered(marked, route, storable)
  }

  #open({ key, marked, route }: Pick<JoinOptions<R>, 'key' | 'marked' | 'route'>): Lead<R, A> {
    const flight = new Flight<R, A>({
      over: () => this.#flights.delete(key),
      answered: (storable) => this.#hitForMiss.answered(marked, route, storable),
      alone: (because) => this.#alone(because),
    })
    this.#flights.set(key, flight)
    return flight
  }

  #alone(because: Alone): { readonly kind: 'alone'; readonly because: Alone } {
    this.#released?.(because)
    return { kind: 'alone', because }
  }
}

interface FlightEvents {
  /** Once: nobody can join it any more. */
  over(): void
  answered(storable: boolean): void
  alone(because: Alone): { readonly kind: 'alone'; readonly because: Alone }
}

interface Waiting<R, A> {
  readonly request: R
  readonly settle: (outcome: Ended<A>) => void
  readonly stopTimer: () => void
}

interface Given<R, A> {
  readonly answer: A
  readonly admits: Admits<R>
}

/** One fetch and those who wait for it. */
class Flight<R, A> implements Lead<R, A> {
  readonly #events: FlightEvents
  readonly #waiters = new Set<Waiting<R, A>>()
  #ledByClient = true
  #over = false
  #held: Admits<R> | undefined
  #given: Given<R, A> | undefined
  whenAbandoned: (() => void) | undefined

  constructor(events: FlightEvents) {
    this.#events = events
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** Set when its answer can be had at once. */
  get given(): Given<R, A> | undefined {
    return this.#given
  }

  /** Set when it is known whom the answer will be for. */
  get held(): Admits<R> | undefined {
    return this.#held
  }

  join(request: R, waitMs: number, timers: Timers): Waiter<A> {
    const { promise: outcome, resolve: settle } = Promise.withResolvers<Ended<A>>()
    const late = (): void => this.#end(waiting, this.#events.alone('late'))
    const waiting: Waiting<R, A> = { request, settle, stopTimer: timers.after(waitMs, late) }
    this.#waiters.add(waiting)
    return { outcome, leave: () => this.#end(waiting, { kind: 'left' }) }
  }

  give(answer: A, admits: Admits<R>): void {
    this.#events.answered(true)
    const given = { answer, admits }
    this.#given = given
    for (const waiting of this.#waiters) this.#settle(waiting, outcomeOf(given, waiting.request))
  }

  hold(admits: Admits<R>): void {
    this.#held = admits
    for (const waiting of this.#waiters) {
      if (!admits.admits(waiting.request)) this.#settle(waiting, { kind: 'regroup', vary: admits.vary })
    }
    this.#considerAbandoning()
  }

  release(because: Released): void {
    if (marking.has(because)) this.#events.answered(false)
    if (this.#over) return
    this.#close()
    for (const waiting of this.#waiters) this.#settle(waiting, this.#events.alone(because))
  }

  fail(thrown: unknown): void {
    if (this.#over) return
    this.#close()
    for (const waiting of this.#waiters) this.#settle(waiting, { kind: 'failed', thrown })
  }

  leave(): void {
    this.#ledByClient = false
    this.#considerAbandoning()
  }

  end(): void {
    this.release('unfinished')
  }

  #end(waiting: Waiting<R, A>, outcome: Ended<A>): void {
    this.#settle(waiting, outcome)
    this.#considerAbandoning()
  }

  /** The first end that reaches a waiter is its end: a promise takes no second one. */
  #settle(waiting: Waiting<R, A>, outcome: Ended<A>): void {
    this.#waiters.delete(waiting)
    waiting.stopTimer()
    waiting.settle(outcome)
  }

  /** Once given, whoever reads the answer keeps it flowing, or not. */
  #considerAbandoning(): void {
    if (this.#over || this.#ledByClient || this.#given !== undefined || this.#waiters.size > 0) return
    this.#close()
    this.whenAbandoned?.()
  }

  #close(): void {
    this.#over = true
    this.#events.over()
  }
}

function outcomeOf<R, A>({ answer, admits }: Given<R, A>, request: R): Outcome<A> {
  return admits.admits(request) ? { kind: 'answer', answer } : { kind: 'regroup', vary: admits.vary }
}
