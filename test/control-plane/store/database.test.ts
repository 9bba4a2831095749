import { copyFileSync, cpSync, rmSync, statSync } from 'node:fs'
import { backup, DatabaseSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { openStore } from '../../../control-plane/store/database.ts'
import { KyselyTableStore } from '../../../control-plane/store/kysely-table-store.ts'
import { NodeSqliteDialect } from '../../../control-plane/store/node-sqlite.ts'
import type { Rows } from '../../../control-plane/store/rows.ts'
import { bringUpToDate } from '../../../control-plane/store/schema.ts'
import { schemaChanges } from '../../../control-plane/store/schema-changes/all.ts'
import { change } from '../../contracts/table-store.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('the store', () => {
  it('commits a transaction whole or leaves nothing of it', async () => {
    const store = await openStore(undefined, 0)
    const failing = store.write(async ({ tables, catalog }) => {
      await tables.follow(0, change('orders', 1, 1))
      await catalog.replace([{ file: 'a.yaml', text: 'x' }], 1)
      throw new Error('crash')
    })
    await expect(failing).rejects.toThrow('crash')
    expect(await store.records.tables.placements()).toEqual([])
    expect(await store.records.catalog.files()).toEqual([])
    await store.close()
  })

  it('keeps a reader out of an open transaction', async () => {
    const store = await openStore(undefined, 0)
    const entered = Promise.withResolvers<void>()
    const leave = Promise.withResolvers<void>()
    const writing = store.write(async ({ tables }) => {
      await tables.follow(0, change('orders', 1, 1))
      entered.resolve()
      await leave.promise
      throw new Error('crash')
    })
    await entered.promise
    const reading = store.records.tables.placements()
    leave.resolve()
    await expect(writing).rejects.toThrow('crash')
    expect(await reading).toEqual([])
    await store.close()
  })

  it('survives power cuts by its settings, in a folder for its owner only', async () => {
    await using folder = await temporaryFolder()
    const home = folder.file('home')
    const store = await openStore(home, 0)
    expect(statSync(home).mode & 0o777).toBe(0o700)
    const raw = new Kysely<Rows>({ dialect: new NodeSqliteDialect(folder.file('home/tidegate.db')) })
    const pragma = async (name: string) =>
      Object.values((await sql<Record<string, unknown>>`pragma ${sql.raw(name)}`.execute(raw)).rows[0] ?? {})[0]
    expect(await pragma('journal_mode')).toBe('wal')
    expect(await pragma('synchronous')).toBe(2)
    expect(await pragma('foreign_keys')).toBe(1)
    await raw.destroy()
    await store.close()
  })

  it('keeps the placements of a database that was written before there were copies', async () => {
    const db = new Kysely<Rows>({ dialect: new NodeSqliteDialect(':memory:') })
    await bringUpToDate(db, 0, schemaChanges.slice(0, 1))
    const written = change('orders', 1, 1)
    const { owner, cohort, key } = written.placement
    const { placement: _, ...told } = written
    await db
      .insertInto('placement_changes')
      .values({ unit: 'orders', epoch: 1, owner, cohort, key: JSON.stringify(key), ...told })
      .execute()
    await db.insertInto('placements').values({ unit: 'orders', epoch: 1 }).execute()

    await bringUpToDate(db, 1)

    expect(await new KyselyTableStore(db).placement('orders')).toEqual(written)
    await db.destroy()
  })

  it('says that the disk is full, and goes on when there is room again', async () => {
    const db = new Kysely<Rows>({ dialect: new NodeSqliteDialect(':memory:') })
    await bringUpToDate(db, 0)
    const room = (pages: number) => sql`pragma max_page_count = ${sql.raw(`${pages}`)}`.execute(db)
    const keep = (text: string) =>
      db
        .transaction()
        .execute((tx) => tx.insertInto('catalog_files').values({ file: 'a.yaml', text, changed_at: 1 }).execute())
    await room(1)

    // SQLite has ended the transaction by itself then; ours must not hide why.
    await expect(keep('x'.repeat(1_000_000))).rejects.toThrow(/full/)
    await room(1_000_000)
    await keep('x'.repeat(1_000_000))
    await db.destroy()

    const store = await openStore(undefined, 0)
    const full = Object.assign(new Error('database or disk is full'), { errcode: 13 })
    await expect(store.write(() => Promise.reject(full))).rejects.toMatchObject({ code: 'store-unusable' })
    await store.close()
  })

  it('is not opened with the log of another database beside it, as after half a restore', async () => {
    await using folder = await temporaryFolder()
    const store = await openStore(folder.file('home'), 0)
    const database = folder.file('home/tidegate.db')
    const fill = (from: number) =>
      store.write(async ({ tables }) => {
        for (let at = from; at < from + 200; at++) await tables.follow(0, change(`unit-${at}`, 1, 1))
      })
    await fill(0)
    const raw = new DatabaseSync(database)
    await backup(raw, folder.file('backup.db'))
    await fill(200)
    raw.exec('pragma wal_checkpoint(truncate)')
    raw.close()
    await fill(400)
    // What a killed control plane leaves behind.
    cpSync(folder.file('home'), folder.file('killed'), { recursive: true })
    await store.close()
    copyFileSync(folder.file('backup.db'), folder.file('killed/tidegate.db'))

    await expect(openStore(folder.file('killed'), 0)).rejects.toMatchObject({ code: 'store-unusable' })

    for (const ending of ['-wal', '-shm']) rmSync(folder.file(`killed/tidegate.db${ending}`), { force: true })
    copyFileSync(folder.file('backup.db'), folder.file('killed/tidegate.db'))
    const restored = await openStore(folder.file('killed'), 0)
    expect(await restored.records.tables.placements()).toHaveLength(200)
    await restored.close()
  })

  it('is refused to a second holder, and free again when the first has closed it', async () => {
    await using folder = await temporaryFolder()
    const first = await openStore(folder.path, 0)
    await expect(openStore(folder.path, 0)).rejects.toMatchObject({ code: 'home-in-use', status: 409 })
    await first.close()
    const second = await openStore(folder.path, 0)
    await second.close()
  })

  it('opens what it wrote, and refuses what a newer program wrote or somebody altered', async () => {
    await using folder = await temporaryFolder()
    const first = await openStore(folder.path, 0)
    await first.write(({ tables }) => tables.follow(0, change('orders', 1, 1)))
    await first.close()
    const again = await openStore(folder.path, 0)
    expect(await again.records.tables.placements()).toHaveLength(1)
    await again.close()

    const raw = new DatabaseSync(folder.file('tidegate.db'))
    raw.exec("insert into schema_changes values ('9999-later', 'x', 0)")
    await expect(openStore(folder.path, 0)).rejects.toMatchObject({ code: 'schema-differs' })
    raw.exec("delete from schema_changes where id = '9999-later'; update schema_changes set checksum = 'x'")
    await expect(openStore(folder.path, 0)).rejects.toThrow(/0001-the-first-tables differs/)
    raw.close()
  })

  it('leaves nothing of a change of the schema that fails', async () => {
    const db = new Kysely<Rows>({ dialect: new NodeSqliteDialect(':memory:') })
    const broken = { id: '0001-broken', statements: ['create table one (a integer)', 'create tabel two (a integer)'] }
    await expect(bringUpToDate(db, 0, [broken])).rejects.toThrow()
    await bringUpToDate(db, 0, [{ id: '0001-whole', statements: ['create table one (a integer)'] }])
    await db.destroy()
  })
})
