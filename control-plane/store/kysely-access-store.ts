import type { Kysely } from 'kysely'
import type { AccessStore, SessionEntry, TokenEntry } from '../access/access-store.ts'
import type { Scope } from '../access/can.ts'
import type { Rows } from './rows.ts'

export class KyselyAccessStore implements AccessStore {
  readonly #db: Kysely<Rows>

  constructor(db: Kysely<Rows>) {
    this.#db = db
  }

  async tokens(): Promise<readonly TokenEntry[]> {
    const rows = await this.#db.selectFrom('tokens').selectAll().orderBy('id').execute()
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      sha256: row.sha256,
      scopes: JSON.parse(row.scopes) as Scope[],
      createdBy: row.created_by,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
    }))
  }

  async saveToken(entry: TokenEntry): Promise<void> {
    const { id, name, sha256, createdBy, createdAt, expiresAt, revokedAt } = entry
    await this.#db
      .insertInto('tokens')
      .values({
        id,
        name,
        sha256,
        scopes: JSON.stringify(entry.scopes),
        created_by: createdBy,
        created_at: createdAt,
        expires_at: expiresAt,
        revoked_at: revokedAt ?? null,
      })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ revoked_at: revokedAt ?? null }))
      .execute()
  }

  async sessions(): Promise<readonly SessionEntry[]> {
    const rows = await this.#db.selectFrom('sessions').selectAll().execute()
    return rows.map((row) => ({
      sha256: row.sha256,
      name: row.name,
      scopes: JSON.parse(row.scopes) as Scope[],
      createdAt: row.created_at,
      expiresAt: row.expires_at,
    }))
  }

  async saveSession(entry: SessionEntry): Promise<void> {
    const { sha256, name, createdAt, expiresAt } = entry
    const scopes = JSON.stringify(entry.scopes)
    await this.#db
      .insertInto('sessions')
      .values({ sha256, name, scopes, created_at: createdAt, expires_at: expiresAt })
      .execute()
  }

  async forgetExpired(now: number): Promise<void> {
    await this.#db.deleteFrom('sessions').where('expires_at', '<', now).execute()
    await this.#db.deleteFrom('tokens').where('expires_at', '<', now).execute()
  }
}
