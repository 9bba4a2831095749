import { createHash } from 'node:crypto'
import type { AuditHead, AuditLog } from './audit-log.ts'
import type { AuditEntry, AuditFacts } from './entry.ts'

/** What stands before the first entry. */
export const emptyHead: AuditHead = { seq: 0, hash: '0'.repeat(64) }

/** The entry that follows `head`: its hash covers the hash before it, so no entry can be changed, moved or left out. */
export function chained(head: AuditHead, facts: AuditFacts): AuditEntry {
  // As it is read back: JSON has no undefined.
  const unhashed = {
    ...facts,
    before: facts.before ?? null,
    after: facts.after ?? null,
    seq: head.seq + 1,
    prev: head.hash,
  }
  return { ...unhashed, hash: hashOf(unhashed) }
}

export type ChainFault = 'gap' | 'link-differs' | 'hash-differs'

/** What is wrong with `entry` as the one after `head`; undefined = it is the true next one. */
export function chainFault(head: AuditHead, entry: AuditEntry): ChainFault | undefined {
  if (entry.seq !== head.seq + 1) return 'gap'
  if (entry.prev !== head.hash) return 'link-differs'
  const { hash, ...unhashed } = entry
  return hash === hashOf(unhashed) ? undefined : 'hash-differs'
}

/** Adds one entry at the end of the chain, within the caller's transaction. */
export async function record(log: AuditLog, facts: AuditFacts): Promise<AuditEntry> {
  const entry = chained(await log.head(), facts)
  await log.append(entry)
  return entry
}

function hashOf(unhashed: Omit<AuditEntry, 'hash'>): string {
  return createHash('sha256').update(unhashed.prev).update(canonicalJson(unhashed)).digest('hex')
}

/** JSON with sorted keys and without what is undefined: one spelling of a value. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`).join(',')}}`
}
