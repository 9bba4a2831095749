/** Statements of this change, in order. Once released it is never edited: its checksum is kept in each database. */
export const statements = [
  `create table edge_publications (
     id text primary key, tag text not null, kind text not null,
     structure integer not null, structure_digest text not null,
     placements integer not null, placements_digest text not null, code_digest text not null,
     former_id text not null, version_id text, state text not null, since integer not null,
     started_at integer not null, actor text not null, reason text not null, because text,
     gzip_bytes integer not null, startup_ms integer not null, platform_startup_ms integer)`,
] as const
