import type { CatalogFile } from '#routes/catalog.ts'

/** PORT: the catalog's texts as they were last applied. What they mean is compiled from them, never kept apart. */
export interface CatalogStore {
  /** Sorted by name. */
  files(): Promise<readonly CatalogFile[]>
  /** Makes these the whole catalog. */
  replace(files: readonly CatalogFile[], at: number): Promise<void>
}
