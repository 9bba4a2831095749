import type { AuditEntry } from './entry.ts'

/** PORT: the chain of entries. Appending belongs into the transaction of what the entry tells. */
export interface AuditLog {
  /** Sequence and hash of the newest entry; 0 and 64 zeros before the first. */
  head(): Promise<AuditHead>
  /** Keeps an entry that follows the head, and moves the head to it. */
  append(entry: AuditEntry): Promise<void>
  /** Oldest first, those after `after`. */
  list(after: number, limit: number): Promise<readonly AuditEntry[]>
}

export interface AuditHead {
  readonly seq: number
  readonly hash: string
}
