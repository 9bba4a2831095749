import type { Kysely, Selectable } from 'kysely'
import type { KeySource } from '#routes/placement.ts'
import type { Shadow } from '#routes/policy.ts'
import type { DocumentKind } from '#routes/seal.ts'
import type { Epoch, TableNumber, UnitId } from '#routes/vocabulary.ts'
import type { DocumentEntry, How, KeptDocument, Mark, PlacementChange, TableStore } from '../tables/table-store.ts'
import type { Rows } from './rows.ts'

export class KyselyTableStore implements TableStore {
  readonly #db: Kysely<Rows>

  constructor(db: Kysely<Rows>) {
    this.#db = db
  }

  async placements(): Promise<readonly PlacementChange[]> {
    return (await this.#present().orderBy('placement_changes.unit').execute()).map(readChange)
  }

  async placement(unit: UnitId): Promise<PlacementChange | undefined> {
    const row = await this.#present().where('placements.unit', '=', unit).executeTakeFirst()
    return row && readChange(row)
  }

  async change(unit: UnitId, epoch: Epoch): Promise<PlacementChange | undefined> {
    const row = await this.#changes().where('unit', '=', unit).where('epoch', '=', epoch).executeTakeFirst()
    return row && readChange(row)
  }

  async history(unit: UnitId, limit: number): Promise<readonly PlacementChange[]> {
    const rows = await this.#changes().where('unit', '=', unit).orderBy('epoch', 'desc').limit(limit).execute()
    return rows.map(readChange)
  }

  async placementsOf(number: TableNumber): Promise<readonly PlacementChange[]> {
    const rows = await this.#db
      .selectFrom('placement_changes')
      .selectAll()
      .where('number', '<=', number)
      .where('epoch', '=', (query) =>
        query
          .selectFrom('placement_changes as later')
          .select(({ fn }) => fn.max('later.epoch').as('epoch'))
          .whereRef('later.unit', '=', 'placement_changes.unit')
          .where('later.number', '<=', number),
      )
      .orderBy('unit')
      .execute()
    return rows.map(readChange)
  }

  async follow(expected: Epoch, change: PlacementChange): Promise<boolean> {
    const { unit, epoch } = change.placement
    const present = await this.#db.selectFrom('placements').select('epoch').where('unit', '=', unit).executeTakeFirst()
    if ((present?.epoch ?? 0) !== expected) return false
    await this.#db.insertInto('placement_changes').values(writeChange(change)).execute()
    if (present === undefined) {
      await this.#db.insertInto('placements').values({ unit, epoch }).execute()
      return true
    }
    const moved = await this.#db
      .updateTable('placements')
      .set({ epoch })
      .where('unit', '=', unit)
      .where('epoch', '=', expected)
      .executeTakeFirst()
    return moved.numUpdatedRows === 1n
  }

  async newest(kind: DocumentKind): Promise<KeptDocument | undefined> {
    const row = await this.#db
      .selectFrom('documents')
      .selectAll()
      .where('kind', '=', kind)
      .orderBy('number', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (row === undefined || row.body === null || row.key_id === null || row.signature === null) return undefined
    const sealed = { kind, keyId: row.key_id, signature: row.signature, body: row.body }
    return { ...readEntry(row), sealed }
  }

  async list(kind: DocumentKind, limit: number, before?: TableNumber): Promise<readonly DocumentEntry[]> {
    const rows = await this.#entries()
      .where('kind', '=', kind)
      .where('number', '<', before ?? Number.MAX_SAFE_INTEGER)
      .orderBy('number', 'desc')
      .limit(limit)
      .execute()
    return rows.map(readEntry)
  }

  async entry(kind: DocumentKind, number: TableNumber): Promise<DocumentEntry | undefined> {
    const row = await this.#entries().where('kind', '=', kind).where('number', '=', number).executeTakeFirst()
    return row && readEntry(row)
  }

  async add({ sealed, ...entry }: KeptDocument, keep: number): Promise<void> {
    const { keyId: key_id, signature, body } = sealed
    await this.#db
      .insertInto('documents')
      .values({ ...entry, key_id, signature, body })
      .execute()
    await this.#db
      .updateTable('documents')
      .set({ key_id: null, signature: null, body: null })
      .where('kind', '=', entry.kind)
      .where('number', '<=', entry.number - keep)
      .where('body', 'is not', null)
      .execute()
  }

  async mark(name: Mark): Promise<number> {
    const row = await this.#db.selectFrom('marks').select('value').where('name', '=', name).executeTakeFirst()
    return row?.value ?? 0
  }

  async setMark(name: Mark, value: number): Promise<void> {
    await this.#db
      .insertInto('marks')
      .values({ name, value })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
      .execute()
  }

  #changes() {
    return this.#db.selectFrom('placement_changes').selectAll()
  }

  #present() {
    return this.#db
      .selectFrom('placements')
      .innerJoin('placement_changes', (join) =>
        join
          .onRef('placement_changes.unit', '=', 'placements.unit')
          .onRef('placement_changes.epoch', '=', 'placements.epoch'),
      )
      .selectAll('placement_changes')
  }

  #entries() {
    return this.#db.selectFrom('documents').select(['kind', 'number', 'digest', 'parent', 'author', 'reason', 'at'])
  }
}

function readEntry(row: DocumentEntry): DocumentEntry {
  const { kind, number, digest, parent, author, reason, at } = row
  return { kind, number, digest, parent, author, reason, at }
}

function readChange(row: Selectable<Rows['placement_changes']>): PlacementChange {
  const { unit, epoch, owner, cohort, number, returns_to, how, actor, reason, at } = row
  const key = JSON.parse(row.key) as readonly KeySource[]
  const moving =
    row.moving_to === null
      ? {}
      : { moving: { to: row.moving_to, reads: row.moving_reads ?? 0, writes: row.moving_writes ?? 0 } }
  const shadow = row.shadow === null ? {} : { shadow: JSON.parse(row.shadow) as Shadow }
  const failover = row.failover_to === null ? {} : { failover: { to: row.failover_to, safeOnly: true as const } }
  return {
    placement: { unit, epoch, owner, ...moving, cohort, key, ...shadow, ...failover },
    number,
    ...(returns_to === null ? {} : { returnsTo: returns_to }),
    how: how as How,
    actor,
    reason,
    at,
  }
}

function writeChange(change: PlacementChange): Rows['placement_changes'] {
  const { placement, number, returnsTo, how, actor, reason, at } = change
  const { unit, epoch, owner, moving, cohort, key, shadow, failover } = placement
  return {
    unit,
    epoch,
    owner,
    moving_to: moving?.to ?? null,
    moving_reads: moving?.reads ?? null,
    moving_writes: moving?.writes ?? null,
    cohort,
    key: JSON.stringify(key),
    shadow: shadow === undefined ? null : JSON.stringify(shadow),
    failover_to: failover?.to ?? null,
    number,
    returns_to: returnsTo ?? null,
    how,
    actor,
    reason,
    at,
  }
}
