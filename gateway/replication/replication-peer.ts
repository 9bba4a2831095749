import type { Acknowledgement, BatchHeader } from './batch.ts'

export interface OutgoingBatch {
  readonly header: BatchHeader
  /** Whole records, invalidations first, as many as the header says. */
  readonly records: readonly Buffer[]
}

/** `later`: it cannot take anything for so long. `too-large`: nothing of it was taken, a smaller one may be. */
export type Sent =
  | { readonly kind: 'taken'; readonly acknowledgement: Acknowledgement; readonly bytes: number }
  | { readonly kind: 'later'; readonly afterMs: number; readonly because: string }
  | { readonly kind: 'too-large' }

/** PORT: how batches reach the gateway of another site. */
export interface ReplicationPeer {
  /**
   * Called with one batch a lane at a time. Resolves with what the other site did. A rejection means that nobody knows:
   * the same operations are sent again, which their stamps make harmless. Must settle within its own deadline; silence
   * would stop the lane.
   */
  send(batch: OutgoingBatch): Promise<Sent>
  /** Breaks off what is under way. */
  close(): Promise<void>
}
