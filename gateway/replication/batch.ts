import { type CacheOperation, isInvalidation } from '../store/cache-operation.ts'
import { isNamespace } from '../store/node-key.ts'
import { decodeRecord } from '../store/operation-record.ts'

export const batchMediaType = 'application/vnd.tidegate.cache-batch'
export const batchOperationLimit = 512
/** Where a batch is closed, bytes; one operation above it travels alone. */
export const batchTargetBytes = 1024 * 1024
/** The largest batch that is read, decompressed: the target and one operation of the largest value, with room for the heads. */
export const batchLimitBytes = 4 * 1024 * 1024
/** Bumps that one batch carries, at most. */
export const batchBumpLimit = 100
const headerLimitBytes = 16 * 1024
const lf = 10

/**
 * First line of a batch, JSON; then the records of invalidations, then those of values (`operation-record.ts`). Unknown
 * members are passed over: a later release may say more. A batch without records is a heartbeat.
 */
export interface BatchHeader {
  readonly v: 2
  /** Who ships. */
  readonly site: string
  /** The journal's place, which stays, and its id, which is another one after its files were lost. */
  readonly place: string
  readonly journal: string
  /** Writer part of the stamps of the process that ships. */
  readonly writer: number
  readonly lane: number
  /** Newest seq of the journal when the batch was made. */
  readonly head: number
  /** Invalidations of the journal that the receiver has not acknowledged. */
  readonly debt: number
  /** Since when the oldest of all that it has not acknowledged waits, Unix ms of the sender's clock; 0: nothing waits. */
  readonly waiting: number
  /** The sender's clock, Unix ms. */
  readonly now: number
  /** The process has ended in order and owes nothing: its silence from here on means nothing. */
  readonly closed?: true
  /** An earlier life of this journal was lost: whoever does not know the place may have missed what it told. */
  readonly afterLoss?: true
  readonly invalidations: LogHeader
  readonly values: LogHeader
  /** Of namespaces whose invalidations found no room: applied before all else. */
  readonly bumps: readonly Bump[]
}

export interface LogHeader {
  /** Seq of the newest record of this lane and log that the receiver has, as the sender knows it. */
  readonly after: number
  /** Seq of the first record; 0 without one. Those that were superseded before they were shipped leave gaps. */
  readonly first: number
  readonly count: number
}

export interface Bump {
  readonly namespace: string
  readonly stamp: bigint
}

export interface SequencedOperation {
  readonly seq: number
  readonly operation: CacheOperation
}

export interface Batch {
  readonly header: BatchHeader
  readonly invalidations: readonly SequencedOperation[]
  readonly values: readonly SequencedOperation[]
}

/**
 * What the receiver did. `through`: up to this seq of each log everything of the lane is applied or superseded there; the
 * rest is to be sent again.
 */
export interface Acknowledgement {
  readonly through: { readonly invalidations: number; readonly values: number }
  readonly applied: number
  readonly older: number
  readonly expired: number
  readonly failed: number
}

export type DecodedBatch =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'unreadable'; readonly because: string }

/** `records`: whole ones as they stand in the journal, invalidations first, as many as the header announces. */
export function encodeBatch(header: BatchHeader, records: readonly Buffer[]): Buffer {
  const line = JSON.stringify({ ...header, bumps: header.bumps.map((bump) => [bump.namespace, String(bump.stamp)]) })
  return Buffer.concat([Buffer.from(`${line}\n`), ...records])
}

/** Takes exactly what `encodeBatch` writes: one wrong bit and nothing of the batch is believed. Never throws. */
export function decodeBatch(bytes: Buffer): DecodedBatch {
  if (bytes.length > batchLimitBytes) return unreadable(`more than ${batchLimitBytes} bytes`)
  const end = bytes.subarray(0, headerLimitBytes).indexOf(lf)
  if (end === -1) return unreadable('no header line')
  const header = readHeader(bytes.toString('utf8', 0, end))
  if (header === undefined) return unreadable('the header line is not as described')
  const invalidations = readRecords(bytes, end + 1, header, header.invalidations, isInvalidation)
  if (typeof invalidations === 'string') return unreadable(`invalidation ${invalidations}`)
  const values = readRecords(bytes, invalidations.end, header, header.values, isOfValue)
  if (typeof values === 'string') return unreadable(`value ${values}`)
  if (values.end !== bytes.length) return unreadable('more records than announced')
  return { kind: 'batch', batch: { header, invalidations: invalidations.operations, values: values.operations } }
}

const unreadable = (because: string): DecodedBatch => ({ kind: 'unreadable', because })

/** A value that became too old on the way is a delete, in its own place. */
const isOfValue = ({ kind }: CacheOperation): boolean => kind !== 'invalidate'

function readRecords(
  bytes: Buffer,
  from: number,
  header: BatchHeader,
  log: LogHeader,
  belongs: (operation: CacheOperation) => boolean,
): { readonly operations: SequencedOperation[]; readonly end: number } | string {
  const operations: SequencedOperation[] = []
  let at = from
  let lastSeq = log.after
  while (operations.length < log.count) {
    const record = decodeRecord(bytes, at)
    const nth = `${operations.length + 1} is not as described`
    if (record === undefined || record.lane !== header.lane) return nth
    // What was only about to be written is nobody's business elsewhere.
    if (record.operation.kind === 'intent' || !belongs(record.operation)) return nth
    if (record.seq <= lastSeq || record.seq > header.head) return nth
    if (operations.length === 0 && record.seq !== log.first) return nth
    lastSeq = record.seq
    operations.push({ seq: record.seq, operation: record.operation })
    at = record.end
  }
  return { operations, end: at }
}

function readHeader(line: string): BatchHeader | undefined {
  let read: unknown
  try {
    read = JSON.parse(line)
  } catch {
    // Told to the sender as an unreadable batch.
    return undefined
  }
  if (typeof read !== 'object' || read === null) return undefined
  const { v, site, place, journal, writer, lane, head, debt, waiting, now, closed, afterLoss, ...logs } =
    read as Record<keyof BatchHeader, unknown>
  const invalidations = readLog(logs.invalidations)
  const values = readLog(logs.values)
  const bumps = readBumps(logs.bumps)
  if (invalidations === undefined || values === undefined || bumps === undefined) return undefined
  const valid =
    v === 2 &&
    isName(site) &&
    isName(place) &&
    isName(journal) &&
    isCount(writer, 255) &&
    isCount(lane, 255) &&
    isCount(head) &&
    isCount(debt) &&
    isCount(waiting) &&
    isCount(now) &&
    (closed === undefined || closed === true) &&
    (afterLoss === undefined || afterLoss === true) &&
    invalidations.count + values.count <= batchOperationLimit
  if (!valid) return undefined
  const facts = { v, site, place, journal, writer, lane, head, debt, waiting, now } as const
  const flags = {
    ...(closed === undefined ? {} : { closed: true as const }),
    ...(afterLoss === undefined ? {} : { afterLoss: true as const }),
  }
  return { ...facts, ...flags, invalidations, values, bumps }
}

function readLog(value: unknown): LogHeader | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { after, first, count } = value as Record<keyof LogHeader, unknown>
  return isCount(after) && isCount(first) && isCount(count, batchOperationLimit) && (count > 0 || first === 0)
    ? { after, first, count }
    : undefined
}

function readBumps(value: unknown): Bump[] | undefined {
  if (!Array.isArray(value) || value.length > batchBumpLimit) return undefined
  const bumps: Bump[] = []
  for (const each of value as unknown[]) {
    if (!Array.isArray(each) || each.length !== 2) return undefined
    const [namespace, stamp] = each as unknown[]
    if (typeof namespace !== 'string' || !isNamespace(namespace)) return undefined
    if (typeof stamp !== 'string' || !/^(?:0|[1-9][0-9]{0,19})$/.test(stamp)) return undefined
    const read = BigInt(stamp)
    if (read >= 1n << 64n) return undefined
    bumps.push({ namespace, stamp: read })
  }
  return bumps
}

/** A site, a place, the id of a journal: they stand in keys. */
const isName = (value: unknown): value is string => typeof value === 'string' && /^[A-Za-z0-9-]{1,64}$/.test(value)

const isCount = (value: unknown, most = Number.MAX_SAFE_INTEGER): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most
