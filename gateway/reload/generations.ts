import type { Background } from '#server-kit/background.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Ending } from '../phase.ts'
import type { Answers } from '../pipeline.ts'

/** All that one configuration made: the phases, and the parts below them. */
export interface Generation {
  readonly pipeline: Answers
  /** Called once, when nobody is under way in it any more. */
  close(): Promise<void>
}

/**
 * The generation in force. It changes by pointer swap alone: a request keeps the one it started with, and the parts of an
 * old one close when its last request has ended.
 */
export class Generations<One extends Generation> implements Answers {
  readonly #background: Background
  readonly #underWay = new Map<Exchange, One>()
  readonly #counts = new Map<One, number>()
  #current: One | undefined

  constructor(background: Background) {
    this.#background = background
  }

  /** Undefined before the first one. */
  get current(): One | undefined {
    return this.#current
  }

  /** The one in force and those that still have requests under way. */
  get size(): number {
    return this.#counts.size
  }

  swap(next: One): void {
    const before = this.#current
    this.#current = next
    this.#counts.set(next, 0)
    if (before !== undefined) this.#retire(before)
  }

  answer(x: Exchange): Promise<Answer> {
    const generation = this.#current as One
    this.#underWay.set(x, generation)
    this.#counts.set(generation, (this.#counts.get(generation) ?? 0) + 1)
    return generation.pipeline.answer(x)
  }

  closed(x: Exchange, answer: Answer, ending: Ending): void {
    const generation = this.#underWay.get(x)
    if (generation === undefined) {
      // Refused by the front, beyond its limit: it never entered one, and is logged and counted all the same.
      this.#current?.pipeline.closed(x, answer, ending)
      return
    }
    this.#underWay.delete(x)
    generation.pipeline.closed(x, answer, ending)
    const count = this.#counts.get(generation)
    // Undefined: the process ends, and did not wait for this one.
    if (count === undefined) return
    this.#counts.set(generation, count - 1)
    if (generation !== this.#current) this.#retire(generation)
  }

  /** At the end of the process: all of them, whoever is left. */
  async close(): Promise<void> {
    const all = [...this.#counts.keys()]
    this.#counts.clear()
    await Promise.all(all.map((generation) => generation.close()))
  }

  #retire(generation: One): void {
    if (this.#counts.get(generation) !== 0) return
    this.#counts.delete(generation)
    this.#background.run('close what a changed configuration left', () => generation.close())
  }
}
