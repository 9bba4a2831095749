import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'

/**
 * Kysely over `node:sqlite`. One connection: Kysely's mutex keeps a transaction's statements together, and a statement
 * blocks the event loop for its own time only, so each one must be short.
 */
export class NodeSqliteDialect implements Dialect {
  readonly #path: string

  /** `path` = a file, made when it is missing, or `:memory:`. */
  constructor(path: string) {
    this.#path = path
  }

  createDriver(): Driver {
    return new ImmediateDriver(this.#path)
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }

  createAdapter(): DialectAdapter {
    return new SqliteAdapter()
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db)
  }
}

/** A transaction takes the write lock at its begin: one that only finds it busy at its first write cannot wait for it. */
class ImmediateDriver extends SqliteDriver {
  readonly #isInTransaction: () => boolean

  constructor(path: string) {
    let database: DatabaseSync | undefined
    super({
      database: async () => {
        database = open(path)
        return adaptDatabase(database)
      },
    })
    this.#isInTransaction = () => database?.isTransaction === true
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  /** A full disk has rolled it back already: to do so again would fail, and hide why. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#isInTransaction()) await super.rollbackTransaction(connection)
  }
}

/** FULL: what was acknowledged is on the disk, after a power cut too. */
const settings = ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON', 'busy_timeout = 5000']

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  for (const setting of settings) database.exec(`PRAGMA ${setting}`)
  return database
}

function adaptDatabase(database: DatabaseSync): SqliteDatabase {
  const prepared = new PreparedStatements(database)
  return { close: () => database.close(), prepare: (sql) => prepared.of(sql) }
}

type Statement = ReturnType<SqliteDatabase['prepare']>

/** The control plane has a few dozen texts; those with lists of varying length must not pile up. */
const preparedLimit = 256

class PreparedStatements {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, Statement>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  of(sql: string): Statement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    if (this.#statements.size >= preparedLimit) this.#statements.clear()
    const statement = adapt(this.#database.prepare(sql))
    this.#statements.set(sql, statement)
    return statement
  }
}

function adapt(statement: StatementSync): Statement {
  const values = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[]
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...values(parameters)),
    run: (parameters) => statement.run(...values(parameters)),
    iterate: (parameters) => statement.iterate(...values(parameters)) as IterableIterator<unknown>,
  }
}
