import { statements as theFirstTables } from './0001-the-first-tables.ts'
import { statements as shadows } from './0002-shadows.ts'
import { statements as failovers } from './0003-failovers.ts'
import { statements as edgePublications } from './0004-edge-publications.ts'

export interface SchemaChange {
  readonly id: string
  readonly statements: readonly string[]
}

/** Every change of the schema, oldest first; only ever added to. */
export const schemaChanges: readonly SchemaChange[] = [
  { id: '0001-the-first-tables', statements: theFirstTables },
  { id: '0002-shadows', statements: shadows },
  { id: '0003-failovers', statements: failovers },
  { id: '0004-edge-publications', statements: edgePublications },
]
