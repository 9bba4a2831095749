import type { Site } from '#routes/vocabulary.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Asked, CacheLead } from './asked.ts'
import type { Found, FoundEntry } from './found.ts'
import type { CacheResponse, Entry, Refusal } from './policy/entry.ts'

/** One question to the service: for a client and those who wait with it, or for nobody but the store. */
export interface Question {
  readonly asked: Asked
  /** How the service is asked. */
  readonly fetch: Exchange
  /** What the store said: the answer is stored in its place. */
  readonly found: Found
  /** It carries validators of what was found, and no condition of a client. */
  readonly validates: boolean
  /** May be given where the service fails. */
  readonly standing: FoundEntry | undefined
  readonly lead: CacheLead | undefined
  /** A client reads the answer as it comes. */
  readonly read: boolean
}

/** What came of it. */
export type Reply =
  /** The service's own answer; `entry` is what is stored of it. */
  | {
      readonly kind: 'passed'
      readonly answer: Answer
      readonly entry: Entry | undefined
      readonly because: Refusal | undefined
      /** Resolves when the body has come, with whether it could be stored. */
      readonly whole: Promise<boolean> | undefined
    }
  /** A stored one: the service said that it still holds, or failed and it stands in. */
  | {
      readonly kind: 'stored'
      readonly entry: Entry
      readonly body: Buffer
      readonly site: Site
      readonly standsIn: boolean
      /** What the service answered. */
      readonly status: number
      readonly kept: boolean
    }
  /** There is no answer of the service. */
  | { readonly kind: 'failed'; readonly answer: Answer }

/** What the policy judges by: with the Connection that did not come this far. */
export function responseOf({ status, reason, headers, connection }: Answer): CacheResponse {
  return { status, reason, headers: connection === undefined ? headers : [...headers, 'connection', connection] }
}
