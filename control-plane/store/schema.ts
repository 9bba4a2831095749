import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { problems } from '../errors.ts'
import type { Rows } from './rows.ts'
import { type SchemaChange, schemaChanges } from './schema-changes/all.ts'

/**
 * Brings the database to the present schema, each change in one transaction. Refuses one that a newer program wrote or
 * whose past changes differ from ours: guessing there could lose what was acknowledged.
 */
export async function bringUpToDate(
  db: Kysely<Rows>,
  now: number,
  changes: readonly SchemaChange[] = schemaChanges,
): Promise<void> {
  await sql`create table if not exists schema_changes (
    id text primary key, checksum text not null, at integer not null)`.execute(db)
  const done = await db.selectFrom('schema_changes').selectAll().orderBy('id').execute()
  for (const [index, row] of done.entries()) {
    const ours = changes[index]
    if (ours?.id !== row.id) throw problems['schema-differs']({ because: `it knows the change ${row.id}` })
    if (checksum(ours) !== row.checksum) throw problems['schema-differs']({ because: `its change ${row.id} differs` })
  }
  for (const change of changes.slice(done.length)) {
    await db.transaction().execute(async (tx) => {
      for (const statement of change.statements) await sql.raw(statement).execute(tx)
      await tx
        .insertInto('schema_changes')
        .values({ id: change.id, checksum: checksum(change), at: now })
        .execute()
    })
  }
}

function checksum(change: SchemaChange): string {
  return createHash('sha256').update(change.statements.join(';\n')).digest('hex')
}
