import assert from 'node:assert'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Counter } from '#server-kit/metrics.ts'
import type { Answer } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Ending, Phase } from '../phase.ts'
import { problemAnswer } from '../pipeline.ts'
import type { Extension } from './extension.ts'
import { isUsable } from './usable-answer.ts'

export const extensionOutcomes = ['done', 'failed', 'over-budget'] as const

export interface GuardOptions {
  readonly name: string
  readonly budgetMs: number
  readonly whenFailed: 'refuse' | 'skip'
  readonly enabled: boolean
  readonly clock: Clock
  readonly log: Log
  readonly calls: Counter<'extension' | 'outcome'>
}

/** Computations over budget, one after another, after which an extension is switched off: it would stop all requests. */
const strikesLimit = 100

/**
 * An extension as the pipeline sees it: timed, never able to end the process or to keep a request beyond its budget, and
 * switched off by name, by hand or by itself.
 */
export class GuardedExtension implements Phase {
  readonly name: string
  readonly place: Extension['place']
  readonly #extension: Extension
  readonly #options: GuardOptions
  #enabled: boolean
  #strikes = 0

  constructor(extension: Extension, options: GuardOptions) {
    this.name = options.name
    this.place = extension.place
    this.#extension = extension
    this.#options = options
    this.#enabled = options.enabled
  }

  get enabled(): boolean {
    return this.#enabled
  }

  turn(on: boolean): void {
    this.#enabled = on
    this.#strikes = 0
    this.#options.log.info({ extension: this.name, enabled: on }, 'an extension was switched')
  }

  before(x: Exchange): Answer | undefined | Promise<Answer | undefined> {
    const { before } = this.#extension
    if (!this.#enabled || before === undefined) return undefined
    const { clock } = this.#options
    const begun = clock.monotonic()
    try {
      const verdict = before.call(this.#extension, x)
      if (verdict instanceof Promise) return this.#waitFor(verdict)
      this.#done(clock.monotonic() - begun)
      return verdict === undefined ? undefined : usable(verdict)
    } catch (cause) {
      return this.#failed(cause)
    }
  }

  after(x: Exchange, answer: Answer): Answer {
    const { after } = this.#extension
    if (!this.#enabled || after === undefined) return answer
    const { clock } = this.#options
    const begun = clock.monotonic()
    try {
      // Fields of its own: what a failed one has written by then does not stay.
      const given = after.call(this.#extension, x, { ...answer, headers: [...answer.headers] })
      this.#done(clock.monotonic() - begun)
      return usable(given)
    } catch (cause) {
      this.#tell(cause)
      // On the way out nobody can throw any more: the answer is replaced, and what it held is let go.
      if (this.#options.whenFailed === 'skip') return answer
      if (answer.body !== undefined && !Buffer.isBuffer(answer.body)) answer.body.cancel(cause as Error)
      return problemAnswer(problems['extension-failed']({ extension: this.name, cause }), x)
    }
  }

  closed(x: Exchange, answer: Answer, ending: Ending): void {
    const { closed } = this.#extension
    if (!this.#enabled || closed === undefined) return
    const { clock } = this.#options
    const begun = clock.monotonic()
    try {
      closed.call(this.#extension, x, answer, ending)
      this.#done(clock.monotonic() - begun)
    } catch (cause) {
      // The client has its answer: what is left is to tell.
      this.#tell(cause)
    }
  }

  /** Never rejects: the parts that close after it must close, too. */
  async close(): Promise<void> {
    try {
      await this.#extension.close?.()
    } catch (cause) {
      this.#tell(cause)
    }
  }

  async #waitFor(verdict: Promise<Answer | undefined>): Promise<Answer | undefined> {
    const { budgetMs, calls } = this.#options
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const fault = () => reject(problems['extension-failed']({ extension: this.name, cause: 'over budget' }))
      timer = setTimeout(fault, budgetMs)
    })
    try {
      const answer = await Promise.race([verdict, late])
      calls.inc({ extension: this.name, outcome: 'done' })
      return answer === undefined ? undefined : usable(answer)
    } catch (cause) {
      return this.#failed(cause)
    } finally {
      clearTimeout(timer)
    }
  }

  #done(tookMs: number): void {
    const over = tookMs > this.#options.budgetMs
    this.#options.calls.inc({ extension: this.name, outcome: over ? 'over-budget' : 'done' })
    this.#strikes = over ? this.#strikes + 1 : 0
    if (this.#strikes < strikesLimit) return
    this.#options.log.error({ extension: this.name, tookMs }, 'an extension is always over its budget')
    this.turn(false)
  }

  #failed(cause: unknown): undefined {
    this.#tell(cause)
    if (this.#options.whenFailed === 'skip') return undefined
    throw problems['extension-failed']({ extension: this.name, cause })
  }

  #tell(cause: unknown): void {
    this.#options.calls.inc({ extension: this.name, outcome: 'failed' })
    this.#options.log.warn({ extension: this.name, err: cause }, 'an extension failed')
  }
}

function usable(given: Answer): Answer {
  assert(isUsable(given), 'it gave what is no answer')
  return given
}
