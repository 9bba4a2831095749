/**
 * One change of a key at a time in this process: those that would take turns losing against one another wait instead, so that
 * a counter that everybody counts on costs each its own two trips. Between processes the store decides.
 */
export class KeyTurns {
  readonly #limit: number
  readonly #ends = new Map<string, Promise<void>>()
  #waiting = 0

  /** `limit`: of changes under way and waiting, over all keys. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Runs `change` when all that came before it for this key have ended. Undefined: too many wait, and it did not run. */
  async take<Outcome>(name: string, change: () => Promise<Outcome>): Promise<Outcome | undefined> {
    if (this.#waiting >= this.#limit) return undefined
    const before = this.#ends.get(name)
    const { promise: end, resolve: leave } = Promise.withResolvers<void>()
    this.#ends.set(name, end)
    this.#waiting++
    try {
      await before
      return await change()
    } finally {
      this.#waiting--
      if (this.#ends.get(name) === end) this.#ends.delete(name)
      leave()
    }
  }
}
