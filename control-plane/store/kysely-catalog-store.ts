import type { Kysely } from 'kysely'
import type { CatalogFile } from '#routes/catalog.ts'
import type { CatalogStore } from '../catalog/catalog-store.ts'
import type { Rows } from './rows.ts'

export class KyselyCatalogStore implements CatalogStore {
  readonly #db: Kysely<Rows>

  constructor(db: Kysely<Rows>) {
    this.#db = db
  }

  files(): Promise<readonly CatalogFile[]> {
    return this.#db.selectFrom('catalog_files').select(['file', 'text']).orderBy('file').execute()
  }

  async replace(files: readonly CatalogFile[], at: number): Promise<void> {
    const kept = new Map((await this.files()).map(({ file, text }) => [file, text]))
    for (const { file, text } of files) {
      const former = kept.get(file)
      kept.delete(file)
      if (former === text) continue
      await this.#db
        .insertInto('catalog_files')
        .values({ file, text, changed_at: at })
        .onConflict((conflict) => conflict.column('file').doUpdateSet({ text, changed_at: at }))
        .execute()
    }
    for (const file of kept.keys()) await this.#db.deleteFrom('catalog_files').where('file', '=', file).execute()
  }
}
