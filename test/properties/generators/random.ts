/** A seeded source of random numbers, for volume: the same seed gives the same run on every machine. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** 32 random bits, unsigned (splitmix32). */
  bits(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }

  /** A whole number from 0 up to, but without, `limit`. */
  below(limit: number): number {
    return this.bits() % limit
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T
  }

  word(alphabet: string, least: number, most: number): string {
    const length = least + this.below(most - least + 1)
    return Array.from({ length }, () => this.pick([...alphabet])).join('')
  }
}
