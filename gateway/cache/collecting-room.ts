/** Memory of this process for bodies on their way to the store: one bound for all of them, so that no burst can exceed it. */
export class CollectingRoom {
  readonly #limitBytes: number
  #takenBytes = 0

  constructor(limitBytes: number = 64 * 1024 * 1024) {
    this.#limitBytes = limitBytes
  }

  get takenBytes(): number {
    return this.#takenBytes
  }

  /** False: there is no room, nothing was taken. */
  take(bytes: number): boolean {
    if (this.#takenBytes + bytes > this.#limitBytes) return false
    this.#takenBytes += bytes
    return true
  }

  giveBack(bytes: number): void {
    this.#takenBytes -= bytes
  }
}
