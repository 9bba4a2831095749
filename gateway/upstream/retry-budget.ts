import { Recent } from './recent.ts'

const share = 0.1
const floorPerSecond = 3
const [requests, retries] = [0, 1]

/**
 * How many second tries a deployment may be sent: 10 % of its requests over 10 s, and always 3 a second, so that a quiet
 * deployment has some. In a total outage this, and not the number of clients, bounds what is added to the load.
 */
export class RetryBudget {
  readonly #recent = new Recent(2)

  request(nowMs: number): void {
    this.#recent.add(requests, nowMs)
  }

  /** False: spent. Else one try is taken out of it. */
  take(nowMs: number): boolean {
    const spent = this.#recent.sum(retries, nowMs) + 1 > this.#recent.sum(requests, nowMs) * share
    if (spent && this.#recent.latest(retries, nowMs) >= floorPerSecond) return false
    this.#recent.add(retries, nowMs)
    return true
  }

  left(nowMs: number): number {
    const byShare = this.#recent.sum(requests, nowMs) * share - this.#recent.sum(retries, nowMs)
    return Math.max(0, Math.floor(byShare), floorPerSecond - this.#recent.latest(retries, nowMs))
  }
}
