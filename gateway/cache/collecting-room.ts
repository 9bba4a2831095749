/**
 * Memory of this process for bodies on their way to the store: one bound for all of them, so that no burst can exceed it,
 * and half of it for those of one service, so that bodies that trickle leave room for those of the other services.
 */
export class CollectingRoom {
  readonly #limitBytes: number
  readonly #shareBytes: number
  /** Of services that have bodies here now. */
  readonly #taken = new Map<string, number>()
  #takenBytes = 0

  constructor(limitBytes: number = 64 * 1024 * 1024) {
    this.#limitBytes = limitBytes
    this.#shareBytes = limitBytes / 2
  }

  get takenBytes(): number {
    return this.#takenBytes
  }

  /** False: there is no room, nothing was taken. */
  take(service: string, bytes: number): boolean {
    const own = (this.#taken.get(service) ?? 0) + bytes
    if (own > this.#shareBytes || this.#takenBytes + bytes > this.#limitBytes) return false
    this.#set(service, own, bytes)
    return true
  }

  giveBack(service: string, bytes: number): void {
    this.#set(service, (this.#taken.get(service) ?? 0) - bytes, -bytes)
  }

  #set(service: string, own: number, more: number): void {
    this.#takenBytes += more
    if (own === 0) this.#taken.delete(service)
    else this.#taken.set(service, own)
  }
}
