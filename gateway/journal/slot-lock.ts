import { DatabaseSync } from 'node:sqlite'

/** SQLITE_BUSY: somebody else has it. */
const busy = 5

export interface SlotLock {
  release(): void
}

/**
 * The lock on a slot, held by this very object until it is released or the process ends, however it ends: undefined when
 * somebody else holds it. Node has no flock, but brings SQLite, which takes a lock of the kernel on its file: that dies with
 * its process, knows no process ids that could be given out again, and holds between containers that share a disk. The
 * database stays empty. Throws what SQLite says when the file cannot be made.
 */
export function lockSlot(path: string): SlotLock | undefined {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    // Else a file of its own appears for what would be rolled back.
    database.exec('PRAGMA journal_mode = MEMORY')
    database.exec('BEGIN EXCLUSIVE')
    return { release: () => database.close() }
  } catch (cause) {
    database.close()
    if ((cause as { errcode?: number }).errcode === busy) return undefined
    throw cause
  }
}
