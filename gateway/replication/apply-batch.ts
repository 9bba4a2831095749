import type { Log } from '#server-kit/log.ts'
import type { AppliedMark } from '../journal/applied-mark.ts'
import type { Journal } from '../journal/journal.ts'
import { asDelete, isInvalidation } from '../store/cache-operation.ts'
import { type Applied, type ApplyOptions, applyOperation } from './apply-operation.ts'
import type { Acknowledgement, Batch, BatchHeader, SequencedOperation } from './batch.ts'

export interface ReceiverOptions extends ApplyOptions {
  /** Of this process: a zone that did not confirm what was received is owed it across a crash. */
  readonly journal: Journal
  readonly mark: Pick<AppliedMark, 'begin' | 'end'>
  readonly log: Log
}

/** Operations applied at once: a node's queue has room for the batches of several peers. */
const atOnce = 128

type Counts = Record<Applied, number>

/**
 * Applies what is newer than what is here. Doing it twice, or in another order, changes nothing. Operations after the
 * first of a log that failed may be applied, but are not acknowledged: they come again. What is acknowledged stands in
 * every zone, or in our journal for those that lack it.
 */
export async function applyBatch(batch: Batch, options: ReceiverOptions): Promise<Acknowledgement> {
  const { header } = batch
  const counts: Counts = { applied: 0, older: 0, expired: 0, failed: 0 }
  const invalidations = await applyLog(batch.invalidations, header.invalidations.after, counts, options)
  const values = await applyLog(batch.values, header.values.after, counts, options)
  tellSkew(batch, options)
  return { through: { invalidations, values }, ...counts }
}

/** Bumps stand for invalidations that found no room there; false: not all of them hold, and they are to be sent again. */
export async function applyBumps({ bumps }: BatchHeader, options: ReceiverOptions): Promise<boolean> {
  const operations = bumps.map(
    ({ namespace, stamp }, at): SequencedOperation => ({
      seq: at + 1,
      operation: { kind: 'invalidate', namespace, target: 'all', key: '', stamp },
    }),
  )
  const counts: Counts = { applied: 0, older: 0, expired: 0, failed: 0 }
  return (await applyLog(operations, 0, counts, options)) === bumps.length
}

/** The newest seq up to which everything holds. */
async function applyLog(
  operations: readonly SequencedOperation[],
  after: number,
  counts: Counts,
  options: ReceiverOptions,
): Promise<number> {
  let through = after
  let whole = true
  for (let from = 0; from < operations.length && whole; from += atOnce) {
    const some = operations.slice(from, from + atOnce)
    const results = await Promise.all(some.map(({ operation }) => applyKept(operation, options)))
    for (const [index, result] of results.entries()) {
      counts[result]++
      whole &&= result !== 'failed'
      if (whole) through = some[index]?.seq ?? through
    }
  }
  return through
}

/**
 * A value is answered before its slowest zone, so that it is noted before: should this process end between, the key is
 * deleted when it comes back. An invalidation is answered after the last zone, so that the note is made only when one owes it.
 */
async function applyKept(operation: SequencedOperation['operation'], options: ReceiverOptions): Promise<Applied> {
  const { store, journal, mark } = options
  if (!isInvalidation(operation)) {
    const { seq, written } = journal.intend({ ...asDelete(operation), kind: 'intent' })
    mark.begin(seq)
    const result = await applyOperation(operation, options)
    mark.end(seq)
    return (await written) ? result : 'failed'
  }
  const result = await applyOperation(operation, options)
  if (result === 'failed' || store.health().every(({ owed }) => owed === 0)) return result
  return (await journal.append(operation, { local: true }).durable) ? result : 'failed'
}

function tellSkew({ header, invalidations, values }: Batch, { stampClock, clock, log }: ReceiverOptions): void {
  const isAhead = ({ operation }: SequencedOperation): boolean => stampClock.see(operation.stamp) !== 'near'
  if (!(invalidations.some(isAhead) || values.some(isAhead)) || !stampClock.alarm()) return
  const skewMs = header.now - clock.now()
  log.error({ site: header.site, writer: header.writer, skewMs }, 'the clocks of two gateways differ')
}
