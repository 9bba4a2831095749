import type { CacheDebt } from '#routes/messages.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { AppliedMark } from '../journal/applied-mark.ts'
import type { Appended, Journal } from '../journal/journal.ts'
import type { Shipper } from '../replication/shipper.ts'
import type { CacheOperation, InvalidateOperation } from './cache-operation.ts'
import {
  type CacheStore,
  contentEncodingLimitBytes,
  contentTypeLimitBytes,
  type DeleteOptions,
  type DeleteOutcome,
  type GetOptions,
  type Hit,
  type InvalidateOptions,
  type ItemTags,
  type Miss,
  noExpiry,
  type PutOptions,
  type PutOutcome,
  type TouchOptions,
  type TouchOutcome,
  valueLimitBytes,
  type ZoneHealth,
} from './cache-store.ts'
import { matchesNamespace } from './namespace-pattern.ts'
import { isNamespace, nodeKey } from './node-key.ts'
import { makeStamp, type StampClock } from './stamp.ts'
import { areTags, isTagName, type TagKind } from './tag-key.ts'
import { readSoftMs } from './tag-record.ts'

export interface DoubleWriterOptions {
  /** The zones of this site. What other sites ship is applied there, never here, so nothing can echo. */
  readonly inner: CacheStore
  readonly journal: Journal
  /** Told when zones are asked and when they have answered. Absent: nothing is repeated after a restart. */
  readonly mark?: Pick<AppliedMark, 'begin' | 'end'>
  /** Of this journal, and of those that dead processes left. May change. */
  readonly shippers: Iterable<Shipper>
  readonly stamps: StampClock
  readonly clock: Clock
  /** Namespaces that are shipped; default all. */
  readonly namespaces?: readonly string[]
}

/** Debt to all other sites together. */
export interface WriterDebt extends CacheDebt {
  /** Namespaces that some site has still to give up as a whole. */
  readonly dirty: readonly string[]
}

/** A soft invalidation so far ahead came from a clock that is ahead of ours; beyond it the value says when it gets stale, ms. */
const softAheadMs = 500

/**
 * Writes here and, behind the caller's back, at the other sites. Each write stands in the journal before a zone is asked, so
 * that the end of this process, at whatever moment, loses nothing that was answered and leaves nothing half done.
 */
export class DoubleWriter implements CacheStore {
  readonly #inner: CacheStore
  readonly #journal: Journal
  readonly #mark: Pick<AppliedMark, 'begin' | 'end'> | undefined
  readonly #shippers: Iterable<Shipper>
  readonly #stamps: StampClock
  readonly #clock: Clock
  readonly #namespaces: readonly string[]

  constructor({ inner, journal, mark, shippers, stamps, clock, namespaces = ['*'] }: DoubleWriterOptions) {
    this.#inner = inner
    this.#journal = journal
    this.#mark = mark
    this.#shippers = shippers
    this.#stamps = stamps
    this.#clock = clock
    this.#namespaces = namespaces
  }

  /** Here alone: the other sites' first value with a new tag may be a miss there, and the next one is not. */
  prepare(namespace: string, tags: ItemTags): Promise<void> {
    return this.#inner.prepare(namespace, tags)
  }

  async get(namespace: string, key: string, options: GetOptions): Promise<Hit | Miss> {
    const found = await this.#inner.get(namespace, key, options)
    // Whoever has read what is there and then writes is newer, also when it came from a clock ahead of ours.
    if (found.stamp !== undefined) this.#stamps.see(found.stamp)
    if (found.kind === 'hit' && found.soft !== undefined) {
      const { sinceMs } = found.soft
      // So is whoever makes it anew after a soft invalidation: else the new value would be stale from the beginning.
      if (sinceMs <= this.#clock.now() + softAheadMs) this.#stamps.see(makeStamp(sinceMs, 0xfff, 0xff))
    }
    return found
  }

  async put(namespace: string, key: string, value: Buffer, put: PutOptions): Promise<PutOutcome> {
    if (nodeKey(namespace, key) === undefined) return 'failed'
    const { stamp, mode = 'set', ifStamp } = put
    if (!isRecordable(value, put)) {
      // What cannot stand in a journal cannot be kept either. The old value is not true any more all the same.
      await this.delete(namespace, key, { stamp })
      return 'failed'
    }
    const isShipped = this.#isShipped(namespace)
    const operation = this.#setOperation(namespace, key, value, put)
    const isConditional = mode !== 'set' || ifStamp !== undefined
    const before =
      isConditional || !isShipped
        ? this.#journal.intend({ kind: 'intent', namespace, key, stamp })
        : this.#journal.append(operation)
    const outcome = await this.#ask(before, before.written, () => this.#inner.put(namespace, key, value, put), 'failed')
    if (outcome === 'failed') {
      // What it would have replaced is not true any more, here or there.
      this.#journal.append({ kind: 'delete', namespace, key, stamp }, { local: !isShipped })
      return 'failed'
    }
    if (outcome !== 'stored' || !isConditional || !isShipped) return outcome
    return (await this.#journal.append(operation).written) ? 'stored' : 'failed'
  }

  async delete(namespace: string, key: string, del: DeleteOptions): Promise<DeleteOutcome> {
    if (nodeKey(namespace, key) === undefined) return 'failed'
    const { stamp, ifStamp } = del
    const operation: CacheOperation = { kind: 'delete', namespace, key, stamp }
    const local = { local: !this.#isShipped(namespace) }
    const ask = () => this.#inner.delete(namespace, key, del)
    if (ifStamp === undefined) {
      const before = this.#journal.append(operation, local)
      return this.#ask(before, before.durable, ask, 'failed')
    }
    const before = this.#journal.intend({ ...operation, kind: 'intent' })
    const outcome = await this.#ask(before, before.written, ask, 'failed')
    if (outcome !== 'deleted' && outcome !== 'failed') return outcome
    return (await this.#journal.append(operation, local).durable) ? outcome : 'failed'
  }

  async touch(namespace: string, key: string, options: TouchOptions): Promise<TouchOutcome> {
    const outcome = await this.#inner.touch(namespace, key, options)
    if (outcome.kind !== 'touched' || !this.#isShipped(namespace)) return outcome
    const { stamp } = outcome
    const { written } = this.#journal.append({
      kind: 'touch',
      namespace,
      key,
      stamp,
      expiresAtMs: this.#endOf(options),
    })
    return (await written) ? outcome : { kind: 'failed' }
  }

  async invalidate(namespace: string, target: TagKind, name: string, options: InvalidateOptions) {
    if (!isTagName(name)) return 'failed'
    return this.#invalidate({ namespace, target, key: name }, options, () =>
      this.#inner.invalidate(namespace, target, name, options),
    )
  }

  async bump(namespace: string, options: InvalidateOptions) {
    return this.#invalidate({ namespace, target: 'all', key: '' }, options, () => this.#inner.bump(namespace, options))
  }

  health(): readonly ZoneHealth[] {
    return this.#inner.health()
  }

  /** All sites together. */
  debt(): WriterDebt {
    const debts = [...this.#shippers].map((shipper) => shipper.debt())
    return {
      deletes: debts.reduce((sum, { deletes }) => sum + deletes, 0),
      sets: debts.reduce((sum, { sets }) => sum + sets, 0),
      oldestAgeMs: Math.max(0, ...debts.map(({ oldestAgeMs }) => oldestAgeMs)),
      dirty: [...new Set(debts.flatMap(({ dirty }) => dirty))],
    }
  }

  /** By site, whether it has applied all that was invalidated here; waits up to `deadlineMs` for those that have not. */
  async settled(deadlineMs: number): Promise<Readonly<Record<string, boolean>>> {
    const settled: Record<string, boolean> = {}
    const wait = async (shipper: Shipper): Promise<void> => {
      const isSettled = await shipper.settled(deadlineMs)
      settled[shipper.to] = (settled[shipper.to] ?? true) && isSettled
    }
    await Promise.all([...this.#shippers].map(wait))
    return settled
  }

  /** True when every site has everything, false when `deadlineMs` passed before. For the end of the process, before `close`. */
  async drained(deadlineMs: number): Promise<boolean> {
    const drained = await Promise.all([...this.#shippers].map((shipper) => shipper.drained(deadlineMs)))
    return drained.every(Boolean)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#shippers].map((shipper) => shipper.close()))
    await this.#inner.close()
  }

  /** Also when it failed here: whoever asked does not know whether it holds, and will ask again. */
  async #invalidate(
    place: Pick<InvalidateOperation, 'namespace' | 'target' | 'key'>,
    { stamp, softMs }: InvalidateOptions,
    ask: () => Promise<'applied' | 'failed'>,
  ): Promise<'applied' | 'failed'> {
    const forMs = softMs === undefined ? undefined : readSoftMs(softMs)
    if (!isNamespace(place.namespace) || (softMs !== undefined && forMs === undefined)) return 'failed'
    const how = forMs === undefined ? {} : { softMs: forMs }
    const local = { local: !this.#isShipped(place.namespace) }
    const before = this.#journal.append({ kind: 'invalidate', ...place, stamp, ...how }, local)
    return this.#ask(before, before.durable, ask, 'failed')
  }

  /** The zones, once the journal has it; the answer, once it is kept as surely as it has to be. */
  async #ask<Outcome>(
    { seq, written }: Appended,
    kept: Promise<boolean>,
    ask: () => Promise<Outcome>,
    failed: Outcome,
  ): Promise<Outcome> {
    this.#mark?.begin(seq)
    try {
      // Nothing that the zones have, and nobody remembers: after a crash they would differ for good.
      if (!(await written)) return failed
      const [outcome, isKept] = await Promise.all([ask(), kept])
      return isKept ? outcome : failed
    } finally {
      this.#mark?.end(seq)
    }
  }

  #setOperation(namespace: string, key: string, value: Buffer, put: PutOptions): CacheOperation {
    const { stamp, flags = 0, contentType, contentEncoding, tags, soft } = put
    return {
      kind: 'set',
      namespace,
      key,
      stamp,
      value,
      flags,
      expiresAtMs: this.#endOf(put),
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
      ...(tags === undefined ? {} : { tags }),
      ...(soft === undefined ? {} : { soft }),
    }
  }

  #endOf({ ttlMs, expiresAtMs }: Pick<PutOptions, 'ttlMs' | 'expiresAtMs'>): number {
    if (ttlMs === noExpiry) return 0
    return Math.floor(expiresAtMs ?? this.#clock.now() + ttlMs)
  }

  #isShipped(namespace: string): boolean {
    for (const pattern of this.#namespaces) if (matchesNamespace(pattern, namespace)) return true
    return false
  }
}

/** Whether a reader of the journal would take it for what it is. */
function isRecordable(value: Buffer, put: PutOptions): boolean {
  const { flags = 0, ttlMs, tags, contentType = '', contentEncoding = '' } = put
  return (
    value.length <= valueLimitBytes &&
    (ttlMs === noExpiry || ttlMs > 0) &&
    flags >= 0 &&
    flags <= 0xffffffff &&
    (tags === undefined || areTags(tags)) &&
    Buffer.byteLength(contentType) <= contentTypeLimitBytes &&
    Buffer.byteLength(contentEncoding) <= contentEncodingLimitBytes
  )
}
