import type { CacheInvalidation } from '#routes/gateway-answers.ts'
import type { Stamp } from '../store/cache-store.ts'

/** One invalidation that somebody asks for by an event. Pure data: whoever applies it reads its words by the table. */
export interface InvalidationEvent {
  readonly namespace: string
  readonly words: CacheInvalidation
  /** Absent: the receiver takes one when it accepts the event. */
  readonly stamp?: Stamp
  /** When the sender says that it happened, Unix ms. */
  readonly atMs?: number
}
