import { type Held, judgeDelete, judgePut, tombstoneTtlMs } from './apply-if-newer.ts'
import {
  contentTypeLimitBytes,
  type DeleteOptions,
  type DeleteOutcome,
  type GetOptions,
  type Hit,
  type InvalidateOptions,
  type ItemTags,
  type Miss,
  type MissReason,
  noExpiry,
  type PutOptions,
  type PutOutcome,
  type Stamp,
  type ZoneHealth,
  type ZoneStore,
} from './cache-store.ts'
import { decodeEnvelope, encodeEnvelope, type OpenedEnvelope } from './envelope.ts'
import { failures } from './meta-connection.ts'
import type { MetaNode, NodeDependencies, Reply } from './meta-node.ts'
import { wireTtl } from './meta-protocol.ts'
import { isNamespace, type NodeKey, nodeKey } from './node-key.ts'
import { NodeRecords, type RecordRead } from './node-records.ts'
import { Pool, type PoolNode, type Ring } from './pool.ts'
import { RecordPlaces } from './record-places.ts'
import { stampMs } from './stamp.ts'
import { isTagName, namespaceRecordKey, type TagKind, tagRecordKey } from './tag-key.ts'
import { emptyRecord, invalidation, judgeItem, readSoftMs, type TagRecord, type Verdict } from './tag-record.ts'

export interface MemcachedStoreOptions extends NodeDependencies {
  readonly zone: string
  readonly nodes: readonly PoolNode[]
  readonly ring: Ring
  /** A stamp above all that this process gave: for a delete out of doubt. */
  readonly newStamp: () => Stamp
  /** Whether a stamp can be of a clock that is right; default: each. What has another one counts for nothing. */
  readonly believes?: (stamp: Stamp) => boolean
  /** For each step of a write, ms; default 50. */
  readonly writeDeadlineMs?: number
}

/** A write that loses so often against others ends as a delete. */
const swapTries = 4
/** What memcached adds to key and value in an item, at most, with room to spare. */
const itemOverheadBytes = 128
const emptyBody = Buffer.alloc(0)
/** The node's own flags field tells the kind without the value being read. */
const nodeFlags = { value: 0, tombstone: 1 } as const

type Guard = { readonly cas: string } | 'absent'

/** What a node holds and what guards a swap of it. A foreign item has a token and is held as nothing: anything is newer. */
interface Found {
  readonly held: Held | undefined
  readonly guard: Guard
  readonly generation: TagRecord | undefined
}

type Opened = OpenedEnvelope & { readonly asOf: Stamp }
type Put = PutOptions & { readonly asOf: Stamp }

/**
 * Driver `memcached:`, one zone of real nodes, in storage mode `envelope`: the stamp stands before each value. Beside each
 * item, on its own node, lies the record of its namespace: it is read in the same write as the item, once for all reads of a
 * turn, so that a bump holds for items without tags as well, costs them no trip, and is lost only together with them.
 */
export class MemcachedStore implements ZoneStore {
  readonly zone: string
  readonly #options: MemcachedStoreOptions
  readonly #pool: Pool
  readonly #records: ReadonlyMap<MetaNode, NodeRecords>
  readonly #writeDeadlineMs: number
  readonly #places: RecordPlaces

  constructor(options: MemcachedStoreOptions) {
    this.zone = options.zone
    this.#options = options
    this.#pool = new Pool(options.nodes, options.ring, options)
    const writeDeadlineMs = options.writeDeadlineMs ?? 50
    const { newStamp, believes } = options
    this.#writeDeadlineMs = writeDeadlineMs
    this.#records = new Map(
      this.#pool.nodes.map((node) => [node, new NodeRecords(node, { newStamp, believes, writeDeadlineMs })]),
    )
    this.#places = new RecordPlaces((key) => this.#recordsOf(this.#pool.node(key)))
  }

  async prepare(namespace: string, tags: ItemTags): Promise<void> {
    if (isNamespace(namespace)) await this.#makeRecords(namespace, tags, this.#options.newStamp())
  }

  async get(namespace: string, key: string, { deadlineMs, tags: named }: GetOptions): Promise<Hit | Miss> {
    const at = nodeKey(namespace, key)
    if (at === undefined) return miss('absent')
    const endsAt = this.#options.clock.monotonic() + deadlineMs
    const node = this.#pool.node(at.text)
    // The record behind the item, on one connection: an item that is there was written after its records.
    const asked = node.get(at.text, 'v t', deadlineMs)
    const generation = this.#recordsOf(node).read(namespaceRecordKey(namespace), deadlineMs)
    const known = named === undefined ? undefined : this.#readExact(namespace, named, deadlineMs)
    const reply = await asked
    if (reply.code !== 'VA' || reply.value === undefined) return miss(whyNot(reply))
    const item = this.#open(reply.value, key, at)
    if (item === undefined) return miss('unreadable')
    if (item.kind === 'tombstone') return { ...miss('tombstone'), stamp: item.stamp }
    const verdict = await this.#judge(namespace, item, await generation, known, endsAt)
    if (verdict.kind === 'gone') return { ...verdict, kind: 'miss' }
    const { body, flags, stamp, contentType, tags } = item
    const ttlMs = reply.ttlSeconds === -1 ? noExpiry : reply.ttlSeconds * 1000
    return {
      kind: 'hit',
      value: body,
      flags,
      stamp,
      ttlMs,
      zone: this.zone,
      ...(contentType === undefined ? {} : { contentType }),
      ...(tags === undefined ? {} : { tags }),
      ...(verdict.soft === undefined ? {} : { soft: verdict.soft }),
    }
  }

  async put(namespace: string, key: string, value: Buffer, options: PutOptions): Promise<PutOutcome> {
    const put: Put = { ...options, asOf: options.asOf ?? options.stamp }
    const { stamp, asOf, contentType, tags } = put
    const at = nodeKey(namespace, key)
    const ttlSeconds = wireTtl(put.ttlMs, this.#options.clock.now())
    if (at === undefined || ttlSeconds === undefined) return 'failed'
    if (contentType !== undefined && Buffer.byteLength(contentType) > contentTypeLimitBytes) return 'failed'
    if (tags !== undefined && !(await this.#makeRecords(namespace, tags, asOf))) return 'failed'
    const head = encodeEnvelope({
      kind: 'value',
      stamp,
      flags: put.flags ?? 0,
      ...(at.hashed ? { originalKey: key } : {}),
      ...(contentType === undefined ? {} : { contentType }),
      ...(tags === undefined ? {} : { tags }),
      ...(asOf === stamp ? {} : { asOf }),
    })
    const node = this.#pool.node(at.text)
    const tooLarge = at.text.length + head.length + value.length + itemOverheadBytes > node.itemSizeMax
    let outcome: PutOutcome = tooLarge ? 'failed' : 'stored'
    const isConditional = put.ifStamp !== undefined || (put.mode ?? 'set') !== 'set'
    if (put.unseen === true && !isConditional && !tooLarge) {
      const added = await this.#addUnseen(namespace, at, node, head, value, ttlSeconds, put)
      if (added !== undefined) return added
    }
    return this.#applyIfNewer<PutOutcome>(
      { namespace, key, at, node, stamp, isConditional },
      (held) => judgePut(held, put),
      async ({ held, guard, generation }) => {
        const begun = generation ?? (await this.#recordsOf(node).namespace(namespace, asOf))
        if (begun === 'failed') return unanswered
        // A bump is a delete of every key: what is older comes too late, but what it would have replaced is not true any more.
        const tooLate = judgeItem(put, begun, 0).kind === 'gone'
        if (tooLate) outcome = 'older'
        if (tooLate && held?.kind !== 'value') return 'nothing'
        if (tooLate || tooLarge) return this.#bury(key, at, node, stamp, guard)
        return node.set(at.text, head, value, { ttlSeconds, flags: nodeFlags.value, guard }, this.#writeDeadlineMs)
      },
      () => outcome,
    )
  }

  async delete(namespace: string, key: string, del: DeleteOptions): Promise<DeleteOutcome> {
    const at = nodeKey(namespace, key)
    if (at === undefined) return 'failed'
    const node = this.#pool.node(at.text)
    // No set as old as this can come any more: there is nothing for a tombstone to keep out.
    const plain = stampMs(del.stamp) < this.#options.clock.now() - tombstoneTtlMs
    return this.#applyIfNewer<DeleteOutcome>(
      { namespace, key, at, node, stamp: del.stamp, isConditional: del.ifStamp !== undefined },
      (held) => (plain && held === undefined ? 'not-found' : judgeDelete(held, del)),
      async ({ guard }) =>
        plain && guard !== 'absent'
          ? node.delete(at.text, guard.cas, this.#writeDeadlineMs)
          : this.#bury(key, at, node, del.stamp, guard),
      (held) => (held?.kind === 'value' ? 'deleted' : 'not-found'),
    )
  }

  async invalidate(namespace: string, kind: TagKind, name: string, { stamp, softMs }: InvalidateOptions) {
    const news = readInvalidation(stamp, softMs)
    if (news === undefined || !isNamespace(namespace) || !isTagName(name)) return 'failed'
    const key = tagRecordKey(namespace, kind, name)
    const own = this.#recordsOf(this.#pool.node(key))
    // The namespace's record first: it vouches for those that are made anew while this one is on its way, or after its loss.
    const told =
      kind === 'tag'
        ? (await own.invalidate(namespaceRecordKey(namespace), { ...emptyRecord, tags: stamp })) !== 'failed'
        : await this.#tellAll(namespace, { ...emptyRecord, scopes: stamp })
    return told && (await own.invalidate(key, news)) !== 'failed' ? 'applied' : 'failed'
  }

  async bump(namespace: string, { stamp, softMs }: InvalidateOptions) {
    const news = readInvalidation(stamp, softMs)
    if (news === undefined || !isNamespace(namespace)) return 'failed'
    return (await this.#tellAll(namespace, news)) ? 'applied' : 'failed'
  }

  async opened(): Promise<void> {
    await Promise.all(this.#pool.nodes.map((node) => node.opened))
  }

  startedAtMs(namespace: string, key: string): number | undefined {
    const at = nodeKey(namespace, key)
    return at === undefined ? undefined : this.#pool.node(at.text).startedAtMs
  }

  health(): readonly ZoneHealth[] {
    const up = this.#pool.nodes.every((node) => node.isUp)
    return [{ zone: this.zone, state: up ? 'up' : 'suspect', owed: 0 }]
  }

  async close(): Promise<void> {
    this.#pool.close()
  }

  /**
   * Reads stamp and token, judges, and swaps under the token, so that whatever comes between makes us look again.
   * After the last try, or when the node refuses to store, the key is deleted: on doubt nothing is served.
   */
  async #applyIfNewer<Outcome extends string>(
    write: Write,
    judge: (held: Held | undefined) => 'apply' | Outcome,
    swap: (found: Found) => Promise<Reply | 'nothing'>,
    applied: (held: Held | undefined) => Outcome,
  ): Promise<Outcome | 'failed'> {
    const { key, at, node, stamp } = write
    // One late read ends the connection and all that is under way on it; the next one stands at once. What was lost
    // with it is asked again, once: by its stamp it is the same write.
    let mayRepeat = true
    let unanswered: Found | undefined
    for (let tries = 0; tries < swapTries; tries++) {
      const found = await this.#find(write)
      if (found === 'failed') {
        if (!mayRepeat) return 'failed'
        mayRepeat = false
        continue
      }
      if (unanswered !== undefined && found.held?.stamp === stamp) return applied(unanswered.held)
      const verdict = judge(found.held)
      if (verdict !== 'apply') return verdict
      const reply = await swap(found)
      if (reply === 'nothing' || reply.code === 'HD') return applied(found.held)
      if (reply.code === 'FAILED') {
        // Unknown outcome, twice: what became of it cannot be asked here. The zones' debt ends it as a delete.
        if (!mayRepeat) return 'failed'
        mayRepeat = false
        unanswered = found
      }
      if (reply.code === 'SERVER_ERROR') break
    }
    await this.#bury(key, at, node, this.#options.newStamp(), undefined)
    return 'failed'
  }

  async #find({ namespace, key, at, node, isConditional }: Write): Promise<Found | 'failed'> {
    const asked = node.get(at.text, 'v c', this.#writeDeadlineMs)
    const read = await this.#recordsOf(node).read(namespaceRecordKey(namespace), this.#writeDeadlineMs)
    const reply = await asked
    const generation = typeof read === 'string' ? undefined : read
    if (generation === undefined && read !== 'tag-missing') return 'failed'
    if (reply.code === 'EN') return { held: undefined, guard: 'absent', generation }
    if (reply.code !== 'VA' || reply.value === undefined) return 'failed'
    const held = this.#open(reply.value, key, at)
    if (held?.kind !== 'value') return { held, guard: reply, generation }
    // An invalidated value is as good as deleted. Its tags tell only what depends on whether a value is there.
    const tags = isConditional ? held.tags : undefined
    const endsAt = this.#options.clock.monotonic() + this.#writeDeadlineMs
    const verdict = await this.#judge(namespace, { ...held, tags }, read, undefined, endsAt)
    if (verdict.kind === 'current') return { held, guard: reply, generation }
    const isTold = verdict.because === 'invalidated' || verdict.because === 'tag-missing'
    return isTold ? { held: { kind: 'tombstone', stamp: held.stamp }, guard: reply, generation } : 'failed'
  }

  /**
   * One trip instead of two, where nothing is there: whatever is there after all, a tombstone too, refuses it. Only beside a
   * record of the namespace that was seen over this connection: one that is made again then vouches for nothing as old as
   * this. Undefined: not stored, or nobody knows: it is to be put like any other.
   */
  async #addUnseen(
    namespace: string,
    at: NodeKey,
    node: MetaNode,
    head: Buffer,
    value: Buffer,
    ttlSeconds: number,
    put: Put,
  ): Promise<PutOutcome | undefined> {
    const records = this.#recordsOf(node)
    if (!records.hasBegun(namespace)) return undefined
    const read = records.read(namespaceRecordKey(namespace), this.#writeDeadlineMs)
    const set = { ttlSeconds, flags: nodeFlags.value, guard: 'absent' } as const
    const reply = await node.set(at.text, head, value, set, this.#writeDeadlineMs)
    const generation = await read
    if (reply.code !== 'HD') return undefined
    if (generation === 'tag-missing')
      return (await records.namespace(namespace, put.asOf)) === 'failed' ? 'failed' : 'older'
    // What was bumped meanwhile is read by nobody, though it lies there.
    return typeof generation !== 'string' && judgeItem(put, generation, 0).kind === 'gone' ? 'older' : 'stored'
  }

  /** Whether the item still counts, by the record of its namespace and those of its tags; `known`: already asked for. */
  #judge(
    namespace: string,
    item: Judgeable,
    generation: RecordRead,
    known: ReadonlyMap<string, Promise<RecordRead>> | undefined,
    endsAt: number,
  ): Verdict | Promise<Verdict> {
    if (typeof generation === 'string') return { kind: 'gone', because: generation }
    const verdict = judgeItem(item, generation, this.#options.clock.now())
    const { tags } = item
    if (tags === undefined || verdict.kind === 'gone') return verdict
    return this.#judgeTags(namespace, item, tags, generation.scopes > item.stamp, verdict, known, endsAt)
  }

  async #judgeTags(
    namespace: string,
    item: Judgeable,
    { exact, scopes }: ItemTags,
    alsoScopes: boolean,
    before: Verdict,
    known: ReadonlyMap<string, Promise<RecordRead>> | undefined,
    endsAt: number,
  ): Promise<Verdict> {
    const now = this.#options.clock.now()
    const leftMs = Math.max(0, endsAt - this.#options.clock.monotonic())
    const unknown = known === undefined ? exact : exact.filter((tag) => !known.has(tag))
    const more = this.#readTags(namespace, 'tag', unknown, leftMs)
    const wide = this.#readTags(namespace, 'scope', alsoScopes ? scopes : [], leftMs)
    let verdict = before
    const weigh = async (kind: TagKind, name: string, read: Promise<RecordRead> | undefined): Promise<void> => {
      const record = (await read) ?? 'tag-missing'
      if (record === 'tag-missing') this.#forget(namespace, kind, name)
      if (typeof record !== 'string') verdict = judgeItem(item, record, now, verdict)
      else if (verdict.kind === 'current') verdict = { kind: 'gone', because: record }
    }
    for (const tag of exact) await weigh('tag', tag, known?.get(tag) ?? more.get(tag))
    for (const [scope, read] of wide) await weigh('scope', scope, read)
    return verdict
  }

  #readTags(
    namespace: string,
    kind: TagKind,
    names: readonly string[],
    deadlineMs: number,
  ): ReadonlyMap<string, Promise<RecordRead>> {
    if (names.length === 0) return noReads
    const reads = new Map<string, Promise<RecordRead>>()
    for (const name of names) {
      const key = tagRecordKey(namespace, kind, name)
      reads.set(name, this.#recordsOf(this.#pool.node(key)).read(key, deadlineMs))
    }
    return reads
  }

  #readExact(namespace: string, tags: ItemTags, deadlineMs: number): ReadonlyMap<string, Promise<RecordRead>> {
    const reads = new Map<string, Promise<RecordRead>>()
    for (const { records, kind, name, key } of this.#places.of(namespace, tags) ?? []) {
      if (kind === 'tag') reads.set(name, records.read(key, deadlineMs))
    }
    return reads
  }

  async #makeRecords(namespace: string, tags: ItemTags, asOf: Stamp): Promise<boolean> {
    const places = this.#places.of(namespace, tags)
    if (places === undefined) return false
    const made: Promise<boolean>[] = []
    for (const { records, kind, key } of places) {
      if (!records.knows(key)) made.push(records.make(namespace, kind, key, asOf))
    }
    return made.length === 0 || (await Promise.all(made)).every(Boolean)
  }

  /** Into the namespace's record on every node. */
  async #tellAll(namespace: string, news: TagRecord): Promise<boolean> {
    const key = namespaceRecordKey(namespace)
    const told = await Promise.all([...this.#records.values()].map((records) => records.invalidate(key, news)))
    return !told.includes('failed')
  }

  #forget(namespace: string, kind: TagKind, name: string): void {
    const key = tagRecordKey(namespace, kind, name)
    this.#recordsOf(this.#pool.node(key)).forget(key)
  }

  #recordsOf(node: MetaNode): NodeRecords {
    return this.#records.get(node) as NodeRecords
  }

  /**
   * A valid envelope that belongs to this key; a foreign item, or another key with the same hash, is neither. Nor is one
   * of a clock far ahead: nothing written now would replace it, for as long as that clock was wrong.
   */
  #open(item: Buffer, key: string, at: NodeKey): Opened | undefined {
    const envelope = decodeEnvelope(item)
    if (envelope === undefined || envelope.originalKey !== (at.hashed ? key : undefined)) return undefined
    const { stamp, asOf = stamp } = envelope
    return this.#options.believes?.(stamp) === false ? undefined : { ...envelope, asOf }
  }

  #bury(key: string, at: NodeKey, node: MetaNode, stamp: Stamp, guard: Guard | undefined): Promise<Reply> {
    const head = encodeEnvelope({ kind: 'tombstone', stamp, flags: 0, ...(at.hashed ? { originalKey: key } : {}) })
    const ttlSeconds = tombstoneTtlMs / 1000
    return node.set(at.text, head, emptyBody, { ttlSeconds, flags: nodeFlags.tombstone, guard }, this.#writeDeadlineMs)
  }
}

interface Write {
  readonly namespace: string
  readonly key: string
  readonly at: NodeKey
  readonly node: MetaNode
  readonly stamp: Stamp
  /** It depends on whether there is a value. */
  readonly isConditional: boolean
}

type Judgeable = { readonly stamp: Stamp; readonly asOf: Stamp; readonly tags?: ItemTags | undefined }

const noReads: ReadonlyMap<string, Promise<RecordRead>> = new Map()
const unanswered: Reply = failures.closed

function readInvalidation(stamp: Stamp, softMs: number | undefined): TagRecord | undefined {
  if (softMs === undefined) return invalidation(stamp, undefined)
  const forMs = readSoftMs(softMs)
  return forMs === undefined ? undefined : invalidation(stamp, forMs)
}

function whyNot(reply: Reply): MissReason {
  if (reply.code === 'FAILED') return reply.because
  return reply.code === 'EN' ? 'absent' : 'protocol'
}

const miss = (because: MissReason): Miss => ({ kind: 'miss', because })
