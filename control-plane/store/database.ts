import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { problems } from '../errors.ts'
import type { Records, Store } from '../records.ts'
import { KyselyAccessStore } from './kysely-access-store.ts'
import { KyselyAuditLog } from './kysely-audit-log.ts'
import { KyselyCatalogStore } from './kysely-catalog-store.ts'
import { KyselyGatewayStore } from './kysely-gateway-store.ts'
import { KyselyPublicationStore } from './kysely-publication-store.ts'
import { KyselyTableStore } from './kysely-table-store.ts'
import { NodeSqliteDialect } from './node-sqlite.ts'
import type { Rows } from './rows.ts'
import { bringUpToDate } from './schema.ts'

/**
 * Opens the store in the folder `home` (made when missing, mode 0700), or one in memory when it is undefined.
 * Throws `home-in-use` when another control plane works there, and
 * `store-unusable` when the disk is full or the file is damaged.
 */
export async function openStore(home: string | undefined, now: number): Promise<Store> {
  const lock = home === undefined ? undefined : lockHome(home)
  const db = new Kysely<Rows>({
    dialect: new NodeSqliteDialect(home === undefined ? ':memory:' : join(home, 'tidegate.db')),
  })
  const close = async (): Promise<void> => {
    await db.destroy()
    lock?.close()
  }
  try {
    await checkWhole(db, home)
    await bringUpToDate(db, now)
  } catch (cause) {
    await close()
    throw asStoreProblem(cause, home)
  }
  return {
    records: recordsOf(db),
    write: async (work) => {
      try {
        return await db.transaction().execute((transaction) => work(recordsOf(transaction)))
      } catch (cause) {
        throw asStoreProblem(cause, home)
      }
    },
    close,
  }
}

/**
 * An exclusive transaction on a database of its own, held while the process lives: the system frees it when the
 * process dies, however it dies, so a lock never outlives its holder.
 */
function lockHome(home: string): DatabaseSync {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const lock = new DatabaseSync(join(home, 'lock.db'))
  try {
    // Long enough for a killed predecessor to be wholly gone.
    lock.exec('PRAGMA busy_timeout = 300')
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock.close()
    throw codeOf(cause) === busy ? problems['home-in-use']({ home, cause }) : asStoreProblem(cause, home)
  }
}

/** Codes of SQLite that are the disk's or the file's, not a statement's: read-only, I/O, damaged, full, unopenable, no database. */
const ofTheFile: ReadonlySet<number> = new Set([8, 10, 11, 13, 14, 26])
const busy = 5

/** The primary code, whichever extended one it came as. */
function codeOf(cause: unknown): number {
  return cause instanceof Error && 'errcode' in cause && typeof cause.errcode === 'number' ? cause.errcode & 0xff : 0
}

function asStoreProblem(cause: unknown, home = 'memory'): unknown {
  if (!ofTheFile.has(codeOf(cause))) return cause
  return problems['store-unusable']({ home, because: (cause as Error).message, cause })
}

/** A file whose log is of another file, as after half a restore, opens and is wrong: it must not be what tables are made from. */
async function checkWhole(db: Kysely<Rows>, home: string | undefined): Promise<void> {
  const { rows } = await sql<{ quick_check: string }>`pragma quick_check(1)`.execute(db)
  const because = rows[0]?.quick_check ?? 'ok'
  if (because !== 'ok') throw problems['store-unusable']({ home: home ?? 'memory', because })
}

function recordsOf(db: Kysely<Rows>): Records {
  return {
    catalog: new KyselyCatalogStore(db),
    tables: new KyselyTableStore(db),
    gateways: new KyselyGatewayStore(db),
    audit: new KyselyAuditLog(db),
    access: new KyselyAccessStore(db),
    publications: new KyselyPublicationStore(db),
  }
}
