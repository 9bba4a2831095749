import { Recent } from './recent.ts'

const consecutiveFailures = 5
const leastSends = 20
const unitMs = 30_000
const longestMs = 300_000
/** After so long without a fault an endpoint's earlier ejections are forgotten, ms. */
const forgottenMs = 300_000
const [sends, failures] = [0, 1]

/** `returning`: its time is over, and one probe decides. */
export type ReputationState = 'in' | 'out' | 'returning'

/**
 * What traffic showed of one endpoint. It stands out as an outlier after 5 failures in a row, or at 50 % of at least 20
 * sends within 10 s; it is then out for 30 s times the number of its ejections, 300 s at most, and comes back by one probe.
 * Whether it may be ejected is the deployment's to say: `mayEject`.
 */
export class Reputation {
  readonly #recent = new Recent(2)
  #inARow = 0
  #times = 0
  #outUntilMs = 0
  #out = false
  #probing = false
  #endedMs = Number.NEGATIVE_INFINITY

  state(nowMs: number): ReputationState {
    if (!this.#out) return 'in'
    return nowMs < this.#outUntilMs ? 'out' : 'returning'
  }

  /** A request may be sent to it: it is in, or this would be its one probe. */
  open(nowMs: number): boolean {
    const state = this.state(nowMs)
    return state === 'in' || (state === 'returning' && !this.#probing)
  }

  /** True: the request sent now is the probe; its outcome must be recorded. */
  sent(nowMs: number): boolean {
    if (this.#probing || this.state(nowMs) !== 'returning') return false
    this.#probing = true
    return true
  }

  /**
   * Of a request that was sent while it was in. True: it stands out now. What was sent before an ejection says nothing
   * that is not known.
   */
  record(bad: boolean, nowMs: number): boolean {
    if (this.#out) return false
    this.#recent.add(sends, nowMs)
    if (!bad) {
      this.#inARow = 0
      return false
    }
    this.#recent.add(failures, nowMs)
    this.#inARow++
    if (this.#inARow >= consecutiveFailures) return true
    const sum = this.#recent.sum(sends, nowMs)
    return sum >= leastSends && this.#recent.sum(failures, nowMs) * 2 >= sum
  }

  /** The probe's outcome: back in, out for longer, or, when it told nothing, to be probed again. True: it is back. */
  probed(verdict: 'good' | 'bad' | 'neither', nowMs: number): boolean {
    this.#probing = false
    if (verdict === 'bad') this.eject(nowMs)
    if (verdict !== 'good') return false
    this.#out = false
    this.#inARow = 0
    this.#endedMs = nowMs
    return true
  }

  /** `forMs`: an operator's wish, instead of 30 s times the number of ejections. */
  eject(nowMs: number, forMs?: number): void {
    if (nowMs - this.#endedMs > forgottenMs && !this.#out) this.#times = 0
    this.#times++
    this.#out = true
    this.#outUntilMs = nowMs + (forMs ?? Math.min(unitMs * this.#times, longestMs))
    this.#recent.clear()
    this.#inARow = 0
  }

  get ejections(): number {
    return this.#times
  }

  outForMs(nowMs: number): number {
    return this.#out ? Math.max(0, this.#outUntilMs - nowMs) : 0
  }
}

/** At most half of a deployment's endpoints may be out, so never the last one. */
export function mayEject(endpoints: number, out: number): boolean {
  return (out + 1) * 2 <= endpoints
}
