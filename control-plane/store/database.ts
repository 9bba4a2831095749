import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { problems } from '../errors.ts'
import type { Records, Store } from '../records.ts'
import { KyselyAccessStore } from './kysely-access-store.ts'
import { KyselyAuditLog } from './kysely-audit-log.ts'
import { KyselyCatalogStore } from './kysely-catalog-store.ts'
import { KyselyGatewayStore } from './kysely-gateway-store.ts'
import { KyselyTableStore } from './kysely-table-store.ts'
import { NodeSqliteDialect } from './node-sqlite.ts'
import type { Rows } from './rows.ts'
import { bringUpToDate } from './schema.ts'

/**
 * Opens the store in the folder `home` (made when missing, mode 0700), or one in memory when it is undefined.
 * Throws `home-in-use` when another control plane works there.
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
    await bringUpToDate(db, now)
  } catch (cause) {
    await close()
    throw cause
  }
  return {
    records: recordsOf(db),
    write: (work) => db.transaction().execute((transaction) => work(recordsOf(transaction))),
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
    throw problems['home-in-use']({ home, cause })
  }
}

function recordsOf(db: Kysely<Rows>): Records {
  return {
    catalog: new KyselyCatalogStore(db),
    tables: new KyselyTableStore(db),
    gateways: new KyselyGatewayStore(db),
    audit: new KyselyAuditLog(db),
    access: new KyselyAccessStore(db),
  }
}
