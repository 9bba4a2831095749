import type { Acknowledgement, Batch } from './batch.ts'

/** PORT: how batches reach the gateway of another site. */
export interface ReplicationPeer {
  /**
   * Called with one batch a lane at a time. Resolves with what the other site did. A rejection means that nobody knows:
   * the same operations are sent again, which their stamps make harmless. Must settle within its own deadline; silence
   * would stop the lane.
   */
  send(batch: Batch): Promise<Acknowledgement>
  /** Breaks off what is under way. */
  close(): Promise<void>
}
