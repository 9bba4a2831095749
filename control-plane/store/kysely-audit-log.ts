import type { Kysely } from 'kysely'
import type { AuditHead, AuditLog } from '../audit/audit-log.ts'
import { emptyHead } from '../audit/chain.ts'
import type { AuditEntry, Via } from '../audit/entry.ts'
import type { Rows } from './rows.ts'

export class KyselyAuditLog implements AuditLog {
  readonly #db: Kysely<Rows>

  constructor(db: Kysely<Rows>) {
    this.#db = db
  }

  async head(): Promise<AuditHead> {
    const row = await this.#db.selectFrom('audit_head').select(['seq', 'hash']).executeTakeFirst()
    return row ?? emptyHead
  }

  async append(entry: AuditEntry): Promise<void> {
    const { requestId, tableNumber, epoch, before, after, ...rest } = entry
    await this.#db
      .insertInto('audit')
      .values({
        ...rest,
        before: JSON.stringify(before ?? null),
        after: JSON.stringify(after ?? null),
        request_id: requestId,
        table_number: tableNumber ?? null,
        epoch: epoch ?? null,
      })
      .execute()
    const { seq, hash } = entry
    await this.#db
      .insertInto('audit_head')
      .values({ id: 1, seq, hash })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ seq, hash }))
      .execute()
  }

  async list(after: number, limit: number): Promise<readonly AuditEntry[]> {
    const rows = await this.#db
      .selectFrom('audit')
      .selectAll()
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(limit)
      .execute()
    return rows.map((row) => ({
      at: row.at,
      actor: row.actor,
      via: row.via as Via,
      action: row.action,
      object: row.object,
      before: JSON.parse(row.before),
      after: JSON.parse(row.after),
      reason: row.reason,
      requestId: row.request_id,
      ...(row.table_number === null ? {} : { tableNumber: row.table_number }),
      ...(row.epoch === null ? {} : { epoch: row.epoch }),
      seq: row.seq,
      prev: row.prev,
      hash: row.hash,
    }))
  }
}
