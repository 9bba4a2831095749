/** Memory that all connections of a port share for what clients have begun and not ended, and have asked for and not read. */
export class Room {
  readonly limitBytes: number
  #used = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get used(): number {
    return this.#used
  }

  /** False: there is none left, and nothing was taken. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.limitBytes) return false
    this.#used += bytes
    return true
  }

  /** `bytes` may be negative: what was read is more than was told, and is held all the same. */
  give(bytes: number): void {
    this.#used -= bytes
  }
}
