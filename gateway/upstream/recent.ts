/**
 * How often something happened lately: sums over a sliding window of `slots` x `slotMs`, one a lane. Nothing is
 * allocated after the constructor, whatever the rate.
 */
export class Recent {
  readonly #counts: Uint32Array
  readonly #sums: Float64Array
  readonly #lanes: number
  readonly #slots: number
  readonly #slotMs: number
  #slot = 0

  constructor(lanes: number, slots = 10, slotMs = 1_000) {
    this.#counts = new Uint32Array(lanes * slots)
    this.#sums = new Float64Array(lanes)
    this.#lanes = lanes
    this.#slots = slots
    this.#slotMs = slotMs
  }

  add(lane: number, nowMs: number): void {
    this.#moveTo(nowMs)
    const at = (this.#slot % this.#slots) * this.#lanes + lane
    this.#counts[at] = (this.#counts[at] as number) + 1
    this.#sums[lane] = (this.#sums[lane] as number) + 1
  }

  sum(lane: number, nowMs: number): number {
    this.#moveTo(nowMs)
    return this.#sums[lane] as number
  }

  /** Of the slot that is filled now alone. */
  latest(lane: number, nowMs: number): number {
    this.#moveTo(nowMs)
    return this.#counts[(this.#slot % this.#slots) * this.#lanes + lane] as number
  }

  clear(): void {
    this.#counts.fill(0)
    this.#sums.fill(0)
  }

  /** Empties the slots that time has passed over since the last look. */
  #moveTo(nowMs: number): void {
    const slot = Math.floor(nowMs / this.#slotMs)
    if (slot <= this.#slot) return
    if (slot - this.#slot >= this.#slots) {
      this.clear()
    } else {
      for (let next = this.#slot + 1; next <= slot; next++) {
        const start = (next % this.#slots) * this.#lanes
        for (let lane = 0; lane < this.#lanes; lane++) {
          this.#sums[lane] = (this.#sums[lane] as number) - (this.#counts[start + lane] as number)
          this.#counts[start + lane] = 0
        }
      }
    }
    this.#slot = slot
  }
}
