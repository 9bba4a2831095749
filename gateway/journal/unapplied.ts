import { problems } from '../errors.ts'
import type { CacheOperation, DeleteOperation } from '../store/cache-operation.ts'
import { decodeRecord, type Recorded } from '../store/operation-record.ts'
import type { LogCursor, ReadRecord } from './log-cursor.ts'

/** Intents that nothing followed yet, at most; above it the oldest count as never followed. */
const intentLimit = 100_000
const atOnce = 512
const atOnceBytes = 1024 * 1024

/**
 * The operations of both logs up to `through`, by seq. An intent comes as a delete unless a newer word on its key follows it:
 * those are told to `onAbandoned` too, since no other site has heard of them.
 */
export async function* unapplied(
  cursors: readonly LogCursor[],
  through: number,
  onAbandoned: (abandoned: DeleteOperation) => void,
): AsyncGenerator<CacheOperation, void> {
  const intents = new Map<string, DeleteOperation>()
  for await (const record of inOrder(cursors, through)) {
    const operation = decoded(record)
    if (operation.kind === 'intent') {
      const { namespace, key, stamp } = operation
      intents.set(`${namespace}/${key}`, { kind: 'delete', namespace, key, stamp })
      if (intents.size <= intentLimit) continue
      const [name, oldest] = intents.entries().next().value as [string, DeleteOperation]
      intents.delete(name)
      onAbandoned(oldest)
      yield oldest
      continue
    }
    if (operation.kind === 'set' || operation.kind === 'delete') {
      const name = `${operation.namespace}/${operation.key}`
      const intent = intents.get(name)
      if (intent !== undefined && operation.stamp >= intent.stamp) intents.delete(name)
    }
    yield operation
  }
  for (const abandoned of intents.values()) {
    onAbandoned(abandoned)
    yield abandoned
  }
}

async function* inOrder(cursors: readonly LogCursor[], through: number): AsyncGenerator<ReadRecord, void> {
  const rows = cursors.map((cursor) => new Row(cursor))
  for (const row of rows) await row.fill()
  for (;;) {
    let first: Row | undefined
    for (const row of rows) if (row.seq < (first?.seq ?? through + 1)) first = row
    if (first === undefined) return
    yield first.shift()
    await first.fill()
  }
}

/** What one log has, a piece of it at a time. */
class Row {
  readonly #cursor: LogCursor
  #read: ReadRecord[] = []
  #at = 0

  constructor(cursor: LogCursor) {
    this.#cursor = cursor
  }

  /** Of the next record; infinite: there is none. */
  get seq(): number {
    return this.#read[this.#at]?.seq ?? Number.POSITIVE_INFINITY
  }

  shift(): ReadRecord {
    return this.#read[this.#at++] as ReadRecord
  }

  async fill(): Promise<void> {
    if (this.#at < this.#read.length) return
    this.#read = []
    this.#at = 0
    await this.#cursor.read(atOnce, atOnceBytes, this.#read)
  }
}

function decoded({ seq, bytes }: ReadRecord): Recorded {
  const record = decodeRecord(bytes, 0)
  if (record === undefined)
    throw problems['cache-journal-unreadable']({ segment: seq, because: 'the record is of another release' })
  return record.operation
}
