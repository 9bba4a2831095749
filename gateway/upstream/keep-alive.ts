/** For a service that says nothing: Node's own servers close at 5 s. */
const unknownMs = 4_000
/** What a service says is shortened by so much: an answer and our next request are under way meanwhile. */
const marginMs = 1_000
const slotMs = 60_000
const slots = 10
/** Below this reuse is luck, ms. */
const leastMs = 2

/**
 * How long a connection to one endpoint may be idle and still be used. The least of what is configured, what the service
 * says in `Keep-Alive: timeout` less 1 s (4 s when it says nothing), and half the smallest idle age at which it closed
 * one itself in the last 10 min.
 *
 * A request meets a connection that is just being closed only if it comes within one way of the network around that
 * moment. Half the age keeps us away from it by the other half.
 */
export class IdleLimit {
  readonly #configuredMs: number
  readonly #smallest = new Array<number>(slots).fill(Number.POSITIVE_INFINITY)
  #slot = 0
  #saidMs: number | undefined
  #limitMs: number

  constructor(configuredMs: number) {
    this.#configuredMs = configuredMs
    this.#limitMs = Math.min(configuredMs, unknownMs)
  }

  /** The service's own word, ms; undefined: it answered without one. */
  said(timeoutMs: number | undefined, nowMs: number): void {
    if (timeoutMs === this.#saidMs) return
    this.#saidMs = timeoutMs
    this.#renew(nowMs)
  }

  /** The endpoint closed a connection that had been idle for `ageMs`. */
  closed(ageMs: number, nowMs: number): void {
    this.#moveTo(nowMs)
    const at = this.#slot % slots
    this.#smallest[at] = Math.min(this.#smallest[at] as number, ageMs)
    this.#renew(nowMs)
  }

  /** For a request that may be sent twice; 0: nothing is to be used again. */
  limitMs(nowMs: number): number {
    if (Math.floor(nowMs / slotMs) > this.#slot) this.#renew(nowMs)
    return this.#limitMs
  }

  /** For one that may not: half of it. */
  youngMs(nowMs: number): number {
    const half = this.limitMs(nowMs) / 2
    return half < leastMs ? 0 : half
  }

  /** Infinity: it closed none. */
  learnedMs(nowMs: number): number {
    this.#moveTo(nowMs)
    return Math.min(...this.#smallest)
  }

  #renew(nowMs: number): void {
    const said = this.#saidMs === undefined ? unknownMs : this.#saidMs - marginMs
    const limit = Math.min(this.#configuredMs, said, this.learnedMs(nowMs) / 2)
    this.#limitMs = limit < leastMs ? 0 : limit
  }

  #moveTo(nowMs: number): void {
    const slot = Math.floor(nowMs / slotMs)
    for (let next = Math.max(this.#slot + 1, slot - slots + 1); next <= slot; next++)
      this.#smallest[next % slots] = Number.POSITIVE_INFINITY
    this.#slot = Math.max(this.#slot, slot)
  }
}

/** Seconds of `timeout` in a Keep-Alive field, as ms. */
export function timeoutSaid(value: string): number | undefined {
  const found = /(?:^|[,\s])timeout\s*=\s*"?(\d{1,6})/i.exec(value)
  return found === null ? undefined : Number(found[1]) * 1_000
}
