import type { Answer } from './answer.ts'
import type { Exchange } from './exchange.ts'

/** Why an exchange ended. */
export type Ending = 'done' | 'client-aborted' | 'upstream-truncated' | 'idle-timeout'

/** The phases behind one of them, as a function: for a phase that asks the service by itself. */
export interface Onward {
  /** In by `before` until one answers, out by `after` in reverse. Never rejects: what was thrown is an answer too. */
  run(x: Exchange): Promise<Answer>
  /** Once for each exchange that was not the client's own: after the last byte of its answer, or when there will be none. */
  closed(x: Exchange, answer: Answer, ending: Ending): void
}

/**
 * PORT: one step of the gateway's pipeline. The order stands in `phases.ts` alone and no phase knows another; what one
 * learns, a later one reads from the exchange. A thrown `Problem` becomes the answer.
 */
export interface Phase {
  readonly name: string
  /** Told once, when the pipeline is made. */
  precede?(onward: Onward): void
  /** On the way in. An answer ends the way in here; undefined hands on. Returns at once where nothing is to be waited for. */
  before?(x: Exchange): Answer | undefined | Promise<Answer | undefined>
  /** On the way out, in reverse order, for each phase that the request reached. Never waits, never throws. */
  after?(x: Exchange, answer: Answer): Answer
  /** After the last byte, or when there will be none. */
  closed?(x: Exchange, answer: Answer, ending: Ending): void
}
