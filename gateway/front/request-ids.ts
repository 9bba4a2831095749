import type { Random } from '#server-kit/random.ts'

/** Ids of requests: a prefix of this process and a count, unique without a random number a request. */
export class RequestIds {
  readonly #prefix: string
  #count = 0

  constructor(random: Random) {
    this.#prefix = `${random.id()}-`
  }

  next(): string {
    return this.#prefix + (this.#count++).toString(36)
  }
}
