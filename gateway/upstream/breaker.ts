import { Recent } from './recent.ts'

/** What a send told of the service. A client that left, and a 4xx, tell nothing: they are `neither`. */
export type Verdict = 'good' | 'bad' | 'neither'

/** `refused`, or the word to record the outcome with: `passed`, or which half-open period it is a probe of (above 0). */
export type Admission = number
export const refused: Admission = -1
export const passed: Admission = 0

export type BreakerState = 'closed' | 'open' | 'half-open'

const leastRequests = 20
const firstWaitMs = 5_000
const longestWaitMs = 60_000
const probes = 3
const [sends, failures] = [0, 1]

/**
 * Keeps requests away from a deployment that fails most of them. Opens at 50 % failures of at least 20 sends within 10 s;
 * lets 3 probes through after 5 s; closes when all are good, else waits twice as long as before, 60 s at most. A pure
 * state machine: all time comes in.
 */
export class Breaker {
  readonly #recent = new Recent(2)
  #state: BreakerState = 'closed'
  #waitMs = firstWaitMs
  #untilMs = 0
  /** Counts half-open periods: a probe of an earlier one says nothing about this one. */
  #period = 0
  #admitted = 0
  #good = 0

  admit(nowMs: number): Admission {
    if (this.#state === 'closed') return passed
    if (this.#state === 'open') {
      if (nowMs < this.#untilMs) return refused
      this.#state = 'half-open'
      this.#period++
      this.#admitted = 0
      this.#good = 0
    }
    if (this.#admitted >= probes) return refused
    this.#admitted++
    return this.#period
  }

  record(admission: Admission, verdict: Verdict, nowMs: number): void {
    if (this.#state === 'closed') {
      // A probe that ends after the others closed it counts as any request.
      if (verdict !== 'neither') this.#count(verdict, nowMs)
    } else if (this.#state === 'half-open' && admission === this.#period) {
      if (verdict === 'neither') this.#admitted--
      else if (verdict === 'bad') this.#open(nowMs, Math.min(2 * this.#waitMs, longestWaitMs))
      else if (++this.#good === probes) this.#close()
    }
  }

  state(nowMs: number): BreakerState {
    return this.#state === 'open' && nowMs >= this.#untilMs ? 'half-open' : this.#state
  }

  /** When it is worth to come again; at least 1 s. */
  retryAfterS(nowMs: number): number {
    return Math.max(1, Math.ceil((this.#untilMs - nowMs) / 1_000))
  }

  #count(verdict: Verdict, nowMs: number): void {
    this.#recent.add(sends, nowMs)
    if (verdict !== 'bad') return
    this.#recent.add(failures, nowMs)
    const sum = this.#recent.sum(sends, nowMs)
    if (sum >= leastRequests && this.#recent.sum(failures, nowMs) * 2 >= sum) this.#open(nowMs, firstWaitMs)
  }

  #open(nowMs: number, waitMs: number): void {
    this.#state = 'open'
    this.#waitMs = waitMs
    this.#untilMs = nowMs + waitMs
    this.#recent.clear()
  }

  #close(): void {
    this.#state = 'closed'
    this.#waitMs = firstWaitMs
  }
}
