/** The tables as Kysely sees them. Portable SQL only: text ids, integer milliseconds and flags, JSON as text. */
export interface Rows {
  catalog_files: { file: string; text: string; changed_at: number }
  documents: {
    kind: 'structure' | 'placements'
    number: number
    digest: string
    parent: string
    author: string
    reason: string
    at: number
    /** The sealed text; null once it is pruned. What it said can be made again from `placement_changes`. */
    key_id: string | null
    signature: string | null
    body: string | null
  }
  marks: { name: string; value: number }
  placements: { unit: string; epoch: number }
  placement_changes: {
    unit: string
    epoch: number
    owner: string
    moving_to: string | null
    moving_reads: number | null
    moving_writes: number | null
    cohort: string
    key: string
    /** As JSON; null = no copies. */
    shadow: string | null
    failover_to: string | null
    /** Number of the placements document that first carried it. */
    number: number
    /** The epoch that a rollback brings back; null = there is nothing to bring back. */
    returns_to: number | null
    how: string
    actor: string
    reason: string
    at: number
  }
  audit: {
    seq: number
    at: number
    actor: string
    via: string
    action: string
    object: string
    before: string
    after: string
    reason: string
    request_id: string
    table_number: number | null
    epoch: number | null
    prev: string
    hash: string
  }
  audit_head: { id: number; seq: number; hash: string }
  tokens: {
    id: string
    name: string
    sha256: string
    scopes: string
    created_by: string
    created_at: number
    expires_at: number
    revoked_at: number | null
  }
  sessions: { sha256: string; name: string; scopes: string; created_at: number; expires_at: number }
  gateways: {
    site: string
    instance: string
    internal_url: string
    started_at: number
    version: string
    writer_id: number
    registered_at: number
    removed_at: number | null
    removed_by: string | null
  }
  edge_publications: {
    id: string
    tag: string
    kind: string
    structure: number
    structure_digest: string
    placements: number
    placements_digest: string
    code_digest: string
    former_id: string
    version_id: string | null
    state: string
    since: number
    started_at: number
    actor: string
    reason: string
    because: string | null
    gzip_bytes: number
    startup_ms: number
    platform_startup_ms: number | null
  }
  schema_changes: { id: string; checksum: string; at: number }
}
