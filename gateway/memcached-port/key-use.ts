/**
 * Which keys a connection's commands are under way for. Commands begin in the order in which they were sent; one that depends
 * on the outcome of another one waits for it, and everything behind waits with it. So a connection sees its own commands in
 * order, and those that have nothing to do with one another go out together.
 */
export class KeyUse {
  /** How many read a key; -1: one writes it. */
  readonly #uses = new Map<string, number>()

  mayRead(key: string): boolean {
    return (this.#uses.get(key) ?? 0) >= 0
  }

  mayWrite(key: string): boolean {
    return !this.#uses.has(key)
  }

  read(key: string): void {
    this.#uses.set(key, (this.#uses.get(key) ?? 0) + 1)
  }

  write(key: string): void {
    this.#uses.set(key, -1)
  }

  end(key: string): void {
    const uses = this.#uses.get(key) ?? 0
    if (uses > 1) this.#uses.set(key, uses - 1)
    else this.#uses.delete(key)
  }
}
