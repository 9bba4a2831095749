/** Statements of this change, in order. Once released it is never edited: its checksum is kept in each database. */
export const statements = [`alter table placement_changes add column failover_to text`] as const
