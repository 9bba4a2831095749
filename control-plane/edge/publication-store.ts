import type { Publication } from './publication.ts'

/** PORT: the journal of publications. A row is written before anything is done about its state. */
export interface PublicationStore {
  save(publication: Publication): Promise<void>
  /** Newest first. */
  list(limit: number): Promise<readonly Publication[]>
  /** Keeps the newest `count`. */
  forgetAllBut(count: number): Promise<void>
}
