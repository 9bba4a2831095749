import type { Kysely, Selectable } from 'kysely'
import type { PublicationState } from '../api-client/cloudflare-schema.ts'
import type { Publication } from '../edge/publication.ts'
import type { PublicationStore } from '../edge/publication-store.ts'
import type { Rows } from './rows.ts'

export class KyselyPublicationStore implements PublicationStore {
  readonly #db: Kysely<Rows>

  constructor(db: Kysely<Rows>) {
    this.#db = db
  }

  async save(publication: Publication): Promise<void> {
    const { id, ...row } = written(publication)
    await this.#db
      .insertInto('edge_publications')
      .values({ id, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute()
  }

  async list(limit: number): Promise<readonly Publication[]> {
    const rows = await this.#db.selectFrom('edge_publications').selectAll().orderBy('id', 'desc').limit(limit).execute()
    return rows.map(read)
  }

  async forgetAllBut(count: number): Promise<void> {
    await this.#db
      .deleteFrom('edge_publications')
      .where('id', 'not in', (query) =>
        query.selectFrom('edge_publications').select('id').orderBy('id', 'desc').limit(count),
      )
      .execute()
  }
}

function written(publication: Publication): Rows['edge_publications'] {
  const { id, tag, kind, content, formerId, versionId, state, since, startedAt, actor, reason } = publication
  return {
    id,
    tag,
    kind,
    structure: content.structure,
    structure_digest: content.structureDigest,
    placements: content.placements,
    placements_digest: content.placementsDigest,
    code_digest: content.codeDigest,
    former_id: formerId,
    version_id: versionId ?? null,
    state,
    since,
    started_at: startedAt,
    actor,
    reason,
    because: publication.because ?? null,
    gzip_bytes: publication.gzipBytes,
    startup_ms: publication.startupMs,
    platform_startup_ms: publication.platformStartupMs ?? null,
  }
}

function read(row: Selectable<Rows['edge_publications']>): Publication {
  return {
    id: row.id,
    tag: row.tag,
    kind: row.kind as Publication['kind'],
    content: {
      structure: row.structure,
      structureDigest: row.structure_digest,
      placements: row.placements,
      placementsDigest: row.placements_digest,
      codeDigest: row.code_digest,
    },
    formerId: row.former_id,
    ...(row.version_id === null ? {} : { versionId: row.version_id }),
    state: row.state as PublicationState,
    since: row.since,
    startedAt: row.started_at,
    actor: row.actor,
    reason: row.reason,
    ...(row.because === null ? {} : { because: row.because }),
    gzipBytes: row.gzip_bytes,
    startupMs: row.startup_ms,
    ...(row.platform_startup_ms === null ? {} : { platformStartupMs: row.platform_startup_ms }),
  }
}
