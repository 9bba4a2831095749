/** Statements of this change, in order. Once released it is never edited: its checksum is kept in each database. */
export const statements = [
  `create table catalog_files (file text primary key, text text not null, changed_at integer not null)`,

  `create table documents (
     kind text not null, number integer not null, digest text not null, parent text not null,
     author text not null, reason text not null, at integer not null,
     key_id text, signature text, body text,
     primary key (kind, number))`,

  `create table marks (name text primary key, value integer not null)`,

  `create table placement_changes (
     unit text not null, epoch integer not null, owner text not null,
     moving_to text, moving_reads integer, moving_writes integer,
     cohort text not null, key text not null,
     number integer not null, returns_to integer, how text not null,
     actor text not null, reason text not null, at integer not null,
     primary key (unit, epoch))`,

  // The present epoch of each unit: changed by compare-and-set, so two writers cannot both follow the same epoch.
  `create table placements (
     unit text primary key, epoch integer not null,
     foreign key (unit, epoch) references placement_changes (unit, epoch))`,

  `create table audit (
     seq integer primary key, at integer not null, actor text not null, via text not null,
     action text not null, object text not null, before text not null, after text not null,
     reason text not null, request_id text not null, table_number integer, epoch integer,
     prev text not null, hash text not null)`,
  `create table audit_head (id integer primary key check (id = 1), seq integer not null, hash text not null)`,
  `create trigger audit_is_never_changed before update on audit
     begin select raise(abort, 'audit entries are never changed'); end`,
  `create trigger audit_is_never_cut before delete on audit
     begin select raise(abort, 'audit entries are never removed'); end`,

  `create table tokens (
     id text primary key, name text not null, sha256 text not null unique, scopes text not null,
     created_by text not null, created_at integer not null, expires_at integer not null, revoked_at integer)`,
  `create table sessions (
     sha256 text primary key, name text not null, scopes text not null,
     created_at integer not null, expires_at integer not null)`,

  `create table gateways (
     site text not null, instance text not null, internal_url text not null, started_at integer not null,
     version text not null, writer_id integer not null, registered_at integer not null, removed_at integer, removed_by text,
     primary key (site, instance))`,
] as const
