/** Counts answers by their ends: `HD` is one line, `VA` two, and no value has a line end in it. */
export class Answers {
  #count = 0
  #wanted = Number.POSITIVE_INFINITY
  #line: 'code' | 'head' | 'value' = 'code'
  #atStart = true
  #arrived = Promise.withResolvers<void>()

  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#atStart && this.#line === 'code' && chunk[at] === valueAnswer) this.#line = 'head'
      const end = chunk.indexOf(lf, at)
      this.#atStart = end !== -1
      if (end === -1) break
      at = end + 1
      if (this.#line === 'head') this.#line = 'value'
      else {
        this.#line = 'code'
        this.#count++
      }
    }
    if (this.#count >= this.#wanted) this.#arrived.resolve()
  }

  /** Until so many have come. */
  async wait(count: number): Promise<void> {
    this.#wanted = count
    if (this.#count < count) await this.#arrived.promise
    this.#count -= count
    this.#wanted = Number.POSITIVE_INFINITY
    this.#arrived = Promise.withResolvers()
  }
}

const lf = 10
/** The V of VA. */
const valueAnswer = 86
