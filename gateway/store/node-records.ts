import { LRUCache } from 'lru-cache'
import type { MissReason, Stamp } from './cache-store.ts'
import { makeStamp, stampMs } from './stamp.ts'
import type { Reply, StoreNode } from './store-node.ts'
import { isNamespaceRecordKey, namespaceRecordKey, type TagKind } from './tag-key.ts'
import {
  decodeRecord,
  emptyRecord,
  encodeRecord,
  later,
  mergeRecords,
  newestIn,
  sameRecord,
  type TagRecord,
} from './tag-record.ts'

/*
 * The records of one memcached node. Each can be evicted at any time, and all go with a restart, so the question is what a
 * record that is made again may claim to know (`since`). Every node has its own record of each namespace, beside the items and
 * the records that it vouches for, which are lost with it or not at all:
 *
 *  - An invalidation first writes its stamp into the namespace record (`tags`, on the node of the tag's record; `scopes` and
 *    bumps, on all nodes) and then the record of its tag or scope. It is acknowledged after both.
 *  - A record of a tag that is missing is first added with a new stamp, so that it vouches for nothing older. Only then the
 *    namespace record beside it is read: if the lost one knew of an invalidation, `tags` there is not below it. So `since`
 *    may be lowered to `tags`: older items stay lost, those after it were never invalidated. That swap is guarded by what was
 *    added: whoever invalidates meanwhile writes the namespace's record before and this one afterwards, and so is read, or
 *    ends the swap, or comes after it. (What is left: the tag is invalidated and that record evicted in the half trip between
 *    the new stamp and the addition, and what was fetched in that half trip is served until the swap, a trip later.)
 *  - A namespace record that is missing is made with the stamp of the put, that is of the beginning of its fetch: everything
 *    older is lost. If it was seen here before, or our connection is younger than that stamp, it was lost, and perhaps a bump
 *    with it: then a new stamp. (What is left: nobody here has seen the record, and it is made by a bump of another process
 *    and evicted, as the item of that namespace and node that is read most, all within one fetch.)
 *  - An invalidation that finds its record missing makes it with a new stamp, and not below `tags` or `scopes` beside it: what
 *    the lost one knew may be of another process, whose clock is ahead of ours. A namespace record has nothing beside it: it is
 *    made with a stamp some ms ahead, as far as clocks of one site may differ. (What is left: they differ by more, and it is
 *    lost and made again before our clock has come to the bump that it knew.)
 *
 * Records are made before the item is written, and where that is foreseen, before its fetch begins (`prepare`): with other
 * items of the namespace being invalidated all the time, a record that is made behind the fetch vouches for less than its
 * stamp. The record comes first and the stamp of the fetch second, in one turn: what was added is then below that stamp, and
 * the namespace's record is read half a trip after it, while an invalidation with a later stamp takes one and a half to get
 * there. Were it the other way round, both stamps would lie above the item's. Put and invalidation may then come in any order:
 * an item is judged by its stamp, taken before the fetch, and whatever was acknowledged after that stamp is either in a record
 * that the reader finds, or the reader finds none, or one whose `since` is above the item. All three are a miss.
 */

export interface NodeRecordsOptions {
  readonly newStamp: () => Stamp
  readonly believes?: ((stamp: Stamp) => boolean) | undefined
  /** For each step of a write, ms. */
  readonly writeDeadlineMs: number
}

/** A record, or why there is none; `tag-missing`: the node answered that it has none. */
export type RecordRead = TagRecord | MissReason

/** Writers of one record in as many processes: each round at least the one with the newest stamp is done. */
const swapTries = 8
const failureTries = 2
/** By how much the clocks of two processes of one site may differ, ms. */
const clockSlackMs = 10
/** Records lately known to be there: a put of the next item with the same tag need not look. */
const knownLimit = 20_000
const namespaceLimit = 10_000
/** The node's own flags field: not an item. */
const recordFlags = 3
const emptyBody = Buffer.alloc(0)

interface Change {
  news: TagRecord
  since: Stamp
  readonly outcome: Promise<TagRecord | 'failed'>
}

export class NodeRecords {
  readonly #node: StoreNode
  readonly #options: NodeRecordsOptions
  readonly #known = new LRUCache<string, true>({ max: knownLimit })
  /** Namespaces whose record has been seen over this connection. */
  readonly #begun = new Set<string>()
  #begunAt: Stamp | undefined
  readonly #underWay = new Map<string, Promise<TagRecord | 'failed'>>()
  readonly #waiting = new Map<string, Change>()
  /** Reads of this turn, which all who ask in it share. */
  readonly #shared = new Map<string, Promise<RecordRead>>()
  #sharedFlush = -1

  constructor(node: StoreNode, options: NodeRecordsOptions) {
    this.#node = node
    this.#options = options
  }

  /** One read for all who ask before it is sent: none of them can have waited for a later invalidation. */
  read(key: string, deadlineMs: number): Promise<RecordRead> {
    const { flushes, isUp } = this.#node
    // Not connected, the turn has no end, and those who came last would share the deadline of the first.
    if (!isUp) return this.#read(key, deadlineMs)
    if (flushes !== this.#sharedFlush) {
      this.#shared.clear()
      this.#sharedFlush = flushes
    }
    const before = this.#shared.get(key)
    if (before !== undefined) return before
    const read = this.#read(key, deadlineMs)
    this.#shared.set(key, read)
    return read
  }

  /** Whether the record of the namespace was seen over this connection. */
  hasBegun(namespace: string): boolean {
    this.#forgetConnection()
    return this.#begun.has(namespaceRecordKey(namespace))
  }

  /** The record of the namespace, made if it is missing, to know everything since `asOf`. */
  namespace(namespace: string, asOf: Stamp): Promise<TagRecord | 'failed'> {
    const key = namespaceRecordKey(namespace)
    this.#forgetConnection()
    const { connectedAt } = this.#node
    const wasLost = this.#begun.has(key) || connectedAt === undefined || asOf < connectedAt
    return this.change(key, emptyRecord, wasLost ? this.#options.newStamp() : asOf)
  }

  /** Whether the record was there lately: it need not be made. */
  knows(key: string): boolean {
    return this.#known.has(key)
  }

  /** True: the record is there now. A missing one is asked for in the same turn. */
  async make(namespace: string, kind: TagKind, key: string, asOf: Stamp): Promise<boolean> {
    const generationKey = namespaceRecordKey(namespace)
    const { newStamp, writeDeadlineMs } = this.#options
    const added = { ...emptyRecord, since: newStamp() }
    // In one write, in this order.
    const [, reply, generation] = await Promise.all([
      this.#write(key, added, 'absent'),
      this.#node.get(key, 'v c', writeDeadlineMs),
      this.#read(generationKey, writeDeadlineMs),
    ])
    if (reply.code !== 'VA') return false
    const held = this.#open(reply, key)
    // Not ours, whatever it is.
    if (held === undefined) return (await this.change(key, emptyRecord, newStamp())) !== 'failed'
    if (sameRecord(held, added)) {
      const vouching = generation === 'tag-missing' ? await this.namespace(namespace, asOf) : generation
      if (typeof vouching === 'string') return false
      const written = await this.#write(key, { ...emptyRecord, since: vouchedSince(vouching, kind) }, reply)
      if (written.code === 'FAILED') return false
    }
    this.#known.set(key, true)
    return true
  }

  /** A read found none. */
  forget(key: string): void {
    this.#known.delete(key)
  }

  /**
   * Merges an invalidation into a record. What comes while another is under way goes into the next round, all in one.
   * `since`: below it a record that is missing may have known more than is known here.
   */
  invalidate(key: string, news: TagRecord, since: Stamp = 0n): Promise<TagRecord | 'failed'> {
    const now = this.#options.newStamp()
    const doubt = isNamespaceRecordKey(key) ? makeStamp(stampMs(now) + clockSlackMs, 0, 0) : now
    return this.change(key, news, later(since, later(doubt, newestIn(news))))
  }

  change(key: string, news: TagRecord, since: Stamp): Promise<TagRecord | 'failed'> {
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) {
      waiting.news = mergeRecords(waiting.news, news)
      waiting.since = later(waiting.since, since)
      return waiting.outcome
    }
    const underWay = this.#underWay.get(key)
    if (underWay === undefined) return this.#begin(key, news, since)
    const next: Change = {
      news,
      since,
      outcome: underWay.then(() => {
        this.#waiting.delete(key)
        return this.#begin(key, next.news, next.since)
      }),
    }
    this.#waiting.set(key, next)
    return next.outcome
  }

  #begin(key: string, news: TagRecord, since: Stamp): Promise<TagRecord | 'failed'> {
    const outcome = this.#swap(key, news, since).finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, outcome)
    return outcome
  }

  /** Merging twice is merging once: what may have been lost on the way is simply done again. */
  async #swap(key: string, news: TagRecord, since: Stamp): Promise<TagRecord | 'failed'> {
    const { writeDeadlineMs } = this.#options
    let failures = 0
    for (let tries = 0; tries < swapTries && failures < failureTries; tries++) {
      const reply = await this.#node.get(key, 'v c', writeDeadlineMs)
      const isThere = reply.code === 'VA' && reply.value !== undefined
      if (!isThere && reply.code !== 'EN') {
        failures++
        continue
      }
      const held = this.#open(reply, key)
      const merged = mergeRecords(held ?? { ...emptyRecord, since }, news)
      if (held !== undefined && sameRecord(held, merged)) return held
      const written = await this.#write(key, merged, isThere ? reply : 'absent')
      if (written.code === 'HD') {
        this.#noteBegun(key)
        return merged
      }
      if (written.code === 'FAILED' || written.code === 'SERVER_ERROR') failures++
    }
    return 'failed'
  }

  #write(key: string, record: TagRecord, guard: { readonly cas: string } | 'absent'): Promise<Reply> {
    const flags = { ttlSeconds: 0, flags: recordFlags, guard }
    return this.#node.set(key, encodeRecord(record), emptyBody, flags, this.#options.writeDeadlineMs)
  }

  async #read(key: string, deadlineMs: number): Promise<RecordRead> {
    const reply = await this.#node.get(key, 'v', deadlineMs)
    if (reply.code === 'VA') return this.#open(reply, key) ?? 'tag-missing'
    if (reply.code === 'FAILED') return reply.because
    return reply.code === 'EN' ? 'tag-missing' : 'protocol'
  }

  /** What no process of ours wrote, or one whose clock was far ahead, counts as missing, and is written over. */
  #open(reply: Reply, key: string): TagRecord | undefined {
    if (reply.code !== 'VA' || reply.value === undefined) return undefined
    const record = decodeRecord(reply.value)
    if (record === undefined || this.#options.believes?.(newestIn(record)) === false) return undefined
    this.#noteBegun(key)
    return record
  }

  /** With another connection the node may be another one: what was seen before says nothing. */
  #forgetConnection(): void {
    const { connectedAt } = this.#node
    if (connectedAt === this.#begunAt) return
    this.#begunAt = connectedAt
    this.#begun.clear()
  }

  #noteBegun(key: string): void {
    if (!isNamespaceRecordKey(key)) return
    this.#forgetConnection()
    if (this.#begun.has(key)) return
    if (this.#begun.size >= namespaceLimit) this.#begun.clear()
    this.#begun.add(key)
  }
}

/** From when on nothing of that kind can be unknown to a record that is made now. */
export const vouchedSince = ({ since, tags, scopes }: TagRecord, kind: TagKind): Stamp =>
  later(since, kind === 'tag' ? tags : scopes)
