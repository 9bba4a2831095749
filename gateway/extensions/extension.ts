import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Phase } from '../phase.ts'

/**
 * Where in the pipeline an extension stands:
 *
 *     access    on the way in, when the client's address is known and before a route is: may answer
 *     upstream  on the way in, right before the service is asked: may answer, or set `x.editHead` around the one there is
 *     header    on the way out, over everything, also refusals: may add to the headers of the answer
 *     body      on the way out, before anything is compressed: may wrap the body (`through` of answer.ts)
 *     log       after the last byte
 */
export const places = ['access', 'upstream', 'header', 'body', 'log'] as const
export type Place = (typeof places)[number]

/** A phase of somebody else. The contract of `Phase` holds: `after` and `closed` never wait. */
export interface Extension extends Phase {
  readonly place: Place
  /** Gives back what it holds; called once, after its last exchange. */
  close?(): Promise<void>
}

export interface ExtensionTools {
  readonly clock: Clock
  /** Lines bear the extension's name. */
  readonly log: Log
}

/**
 * What the module's default export must be. `options` is what the configuration says under `options`, unchecked: refuse by
 * throwing what is wrong with it, which refuses the configuration as a whole.
 */
export type OpenExtension = (options: unknown, tools: ExtensionTools) => Extension | Promise<Extension>
