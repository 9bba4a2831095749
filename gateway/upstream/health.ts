const upAfter = 2
const downAfter = 3

/** What asking an endpoint showed: up after 2 good answers in a row, down after 3 bad ones. It starts up. */
export class Health {
  #up = true
  #against = 0

  get up(): boolean {
    return this.#up
  }

  /** True: this answer turned it. */
  observe(good: boolean): boolean {
    if (good === this.#up) {
      this.#against = 0
      return false
    }
    if (++this.#against < (this.#up ? downAfter : upAfter)) return false
    this.#up = good
    this.#against = 0
    return true
  }
}
