import { problems } from './errors.ts'

/** Lets works run one after the other, in the order in which they came, with a bounded line of those that wait. */
export class Turns {
  readonly #limit: number
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** At most `limit` under way and waiting; more are refused with `changes-exhausted`. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Runs `work` when all before it are through; those after it wait for its end, not for its success. */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= this.#limit) throw problems['changes-exhausted']({ limit: this.#limit })
    this.#waiting++
    const turn = this.#last.then(work).finally(() => this.#waiting--)
    this.#last = turn.catch(() => {
      // Its caller is told; the next in line has nothing to do with it.
    })
    return turn
  }
}
