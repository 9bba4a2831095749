import type { Kysely } from 'kysely'
import type { GatewayEntry, GatewayStore, Removal } from '../tables/gateway-store.ts'
import type { Rows } from './rows.ts'

export class KyselyGatewayStore implements GatewayStore {
  readonly #db: Kysely<Rows>

  constructor(db: Kysely<Rows>) {
    this.#db = db
  }

  async all(): Promise<readonly GatewayEntry[]> {
    const rows = await this.#db.selectFrom('gateways').selectAll().orderBy('site').orderBy('instance').execute()
    return rows.map((row) => ({
      site: row.site,
      instance: row.instance,
      internalUrl: row.internal_url,
      startedAt: row.started_at,
      version: row.version,
      writerId: row.writer_id,
      registeredAt: row.registered_at,
      ...(row.removed_at === null ? {} : { removed: { at: row.removed_at, by: row.removed_by as Removal['by'] } }),
    }))
  }

  async save(entry: GatewayEntry): Promise<void> {
    const { site, instance } = entry
    const facts = {
      internal_url: entry.internalUrl,
      started_at: entry.startedAt,
      version: entry.version,
      writer_id: entry.writerId,
      registered_at: entry.registeredAt,
      removed_at: entry.removed?.at ?? null,
      removed_by: entry.removed?.by ?? null,
    }
    await this.#db
      .insertInto('gateways')
      .values({ site, instance, ...facts })
      .onConflict((conflict) => conflict.columns(['site', 'instance']).doUpdateSet(facts))
      .execute()
  }

  async forgetRemovedBefore(at: number): Promise<void> {
    await this.#db.deleteFrom('gateways').where('removed_at', '<', at).execute()
  }
}
