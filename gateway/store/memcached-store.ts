import { type Held, judgeDelete, judgePut, tombstoneTtlMs } from './apply-if-newer.ts'
import {
  contentEncodingLimitBytes,
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
  type TouchOptions,
  type TouchOutcome,
  type ZoneHealth,
  type ZoneStore,
} from './cache-store.ts'
import { decodeEnvelope, encodeEnvelope, type OpenedEnvelope } from './envelope.ts'
import { ItemRecords } from './item-records.ts'
import { MetaNode } from './meta-node.ts'
import { type Guard, wireTtl } from './meta-protocol.ts'
import { failures } from './node-connection.ts'
import { isNamespace, type NodeKey, nodeKey } from './node-key.ts'
import type { NodeDependencies } from './node-link.ts'
import { Pool, type PoolNode, type Ring } from './pool.ts'
import { stampMs } from './stamp.ts'
import type { NodeAddress, Reply, StoreNode } from './store-node.ts'
import { namespaceRecordKey, type TagKind } from './tag-key.ts'
import { judgeItem, type TagRecord } from './tag-record.ts'

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
  /** What speaks with a node; default: the meta protocol. */
  readonly openNode?: (address: NodeAddress) => StoreNode
}

/** A write that loses so often against others ends as a delete. */
const swapTries = 4
/** What memcached adds to key and value in an item, at most, with room to spare. */
const itemOverheadBytes = 128
const emptyBody = Buffer.alloc(0)
/** The node's own flags field tells the kind without the value being read. */
const nodeFlags = { value: 0, tombstone: 1 } as const

/** What a node holds and what guards a swap of it. A foreign item has a token and is held as nothing: anything is newer. */
interface Found {
  readonly held: (Held & Partial<Opened>) | undefined
  readonly guard: Exclude<Guard, 'present'>
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
  readonly #records: ItemRecords
  readonly #writeDeadlineMs: number

  constructor(options: MemcachedStoreOptions) {
    this.zone = options.zone
    this.#options = options
    const openNode = options.openNode ?? ((address: NodeAddress) => new MetaNode(address, options))
    this.#pool = new Pool(options.nodes, options.ring, openNode)
    const { newStamp, believes, clock, writeDeadlineMs = 50 } = options
    this.#writeDeadlineMs = writeDeadlineMs
    this.#records = new ItemRecords({ pool: this.#pool, clock, newStamp, believes, writeDeadlineMs })
  }

  /**
   * The zone has other nodes from now on. A key that goes away and comes back would meet an old value of its own: whoever
   * calls this has raised the floor of the zone.
   */
  changeNodes(nodes: readonly PoolNode[]): void {
    this.#pool.change(nodes)
    this.#records.moved()
  }

  async prepare(namespace: string, tags: ItemTags): Promise<void> {
    if (isNamespace(namespace)) await this.#records.make(namespace, tags, this.#options.newStamp())
  }

  async get(namespace: string, key: string, { deadlineMs, tags: named, access }: GetOptions): Promise<Hit | Miss> {
    const at = nodeKey(namespace, key)
    if (at === undefined) return miss('absent')
    const endsAt = this.#options.clock.monotonic() + deadlineMs
    const node = this.#pool.node(at.text)
    // The record behind the item, on one connection: an item that is there was written after its records.
    const asked = node.get(at.text, access === true ? 'v t h l' : 'v t', deadlineMs)
    const generation = this.#records.of(node).read(namespaceRecordKey(namespace), deadlineMs)
    const known = named === undefined ? undefined : this.#records.readExact(namespace, named, deadlineMs)
    const reply = await asked
    if (reply.code !== 'VA' || reply.value === undefined) return miss(whyNot(reply))
    const item = this.#open(reply.value, key, at)
    if (item === undefined) return miss('unreadable')
    if (item.kind === 'tombstone') return { ...miss('tombstone'), stamp: item.stamp }
    const verdict = await this.#records.judge(namespace, item, await generation, known, endsAt)
    if (verdict.kind === 'gone') return { ...verdict, kind: 'miss' }
    const { body, flags, stamp, contentType, contentEncoding, tags } = item
    const life = lifeLeft(item.expiresAtMs, reply.ttlSeconds, node.tellsTtl, this.#options.clock.now())
    if (life.ttlMs === 0) return miss('expired')
    const { readBefore, idleSeconds } = reply
    return {
      kind: 'hit',
      value: body,
      flags,
      stamp,
      ...life,
      zone: this.zone,
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
      ...(tags === undefined ? {} : { tags }),
      ...(verdict.soft === undefined ? {} : { soft: verdict.soft }),
      ...(access === true && idleSeconds >= 0 ? { access: { readBefore, idleS: idleSeconds } } : {}),
    }
  }

  async put(namespace: string, key: string, value: Buffer, options: PutOptions): Promise<PutOutcome> {
    const put: Put = { ...options, asOf: options.asOf ?? options.stamp }
    const { stamp, asOf, contentType, contentEncoding, tags, soft } = put
    const at = nodeKey(namespace, key)
    const ttlSeconds = wireTtl(put.ttlMs, this.#options.clock.now())
    if (at === undefined || ttlSeconds === undefined) return 'failed'
    if (isTooLong(contentType, contentTypeLimitBytes)) return 'failed'
    if (isTooLong(contentEncoding, contentEncodingLimitBytes)) return 'failed'
    if (tags !== undefined && !(await this.#records.make(namespace, tags, asOf))) return 'failed'
    const node = this.#pool.node(at.text)
    const head = encodeEnvelope({
      kind: 'value',
      stamp,
      flags: put.flags ?? 0,
      ...(at.hashed ? { originalKey: key } : {}),
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
      ...(tags === undefined ? {} : { tags }),
      ...(soft === undefined ? {} : { soft }),
      ...(asOf === stamp ? {} : { asOf }),
      ...(put.expiresAtMs === undefined && node.tellsTtl
        ? {}
        : { expiresAtMs: put.expiresAtMs ?? this.#expiry(put.ttlMs) }),
    })
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
        const begun = generation ?? (await this.#records.of(node).namespace(namespace, asOf))
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

  /** The value is written again with its own bytes: what else there is to change a life asks neither for stamp nor for token. */
  async touch(namespace: string, key: string, { ttlMs, ifStamp }: TouchOptions): Promise<TouchOutcome> {
    const at = nodeKey(namespace, key)
    const ttlSeconds = wireTtl(ttlMs, this.#options.clock.now())
    if (at === undefined || ttlSeconds === undefined) return { kind: 'failed' }
    const node = this.#pool.node(at.text)
    for (let tries = 0; tries < swapTries; tries++) {
      const found = await this.#find({ namespace, key, at, node, stamp: 0n, isConditional: true })
      if (found === 'failed') return { kind: 'failed' }
      const { held, guard } = found
      if (held?.kind !== 'value' || held.body === undefined) return { kind: 'not-found' }
      if (ifStamp !== undefined && held.stamp !== ifStamp) return { kind: 'not-found' }
      const { flags = 0, expiresAtMs, ...rest } = held
      const expiry = expiresAtMs === undefined ? {} : { expiresAtMs: this.#expiry(ttlMs) }
      const head = encodeEnvelope({ ...rest, flags, ...expiry })
      const set = { ttlSeconds, flags: nodeFlags.value, guard }
      const reply = await node.set(at.text, head, held.body, set, this.#writeDeadlineMs)
      if (reply.code === 'HD') return { kind: 'touched', stamp: held.stamp }
      if (reply.code === 'FAILED' || reply.code === 'SERVER_ERROR') return { kind: 'failed' }
    }
    return { kind: 'failed' }
  }

  async invalidate(namespace: string, kind: TagKind, name: string, options: InvalidateOptions) {
    return this.#records.invalidate(namespace, kind, name, options)
  }

  async bump(namespace: string, options: InvalidateOptions) {
    return this.#records.bump(namespace, options)
  }

  async opened(): Promise<void> {
    await this.#pool.opened()
  }

  startedAtMs(namespace: string, key: string): number | undefined {
    const at = nodeKey(namespace, key)
    return at === undefined ? undefined : this.#pool.node(at.text).startedAtMs
  }

  nodeOf(namespace: string, key: string): string {
    const at = nodeKey(namespace, key)
    return at === undefined ? '' : this.#pool.nameOf(at.text)
  }

  health(): readonly ZoneHealth[] {
    return [{ zone: this.zone, state: this.#pool.isUp ? 'up' : 'suspect', owed: 0 }]
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
    const { key, at, node, stamp, isConditional } = write
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
      // It may have been stored, and written over by who saw it: neither yes nor no would be true.
      if (unanswered !== undefined && isConditional) return 'failed'
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
    const read = await this.#records.of(node).read(namespaceRecordKey(namespace), this.#writeDeadlineMs)
    const reply = await asked
    const generation = typeof read === 'string' ? undefined : read
    if (generation === undefined && read !== 'tag-missing') return 'failed'
    if (reply.code === 'EN') return { held: undefined, guard: 'absent', generation }
    if (reply.code !== 'VA' || reply.value === undefined) return 'failed'
    const held = this.#open(reply.value, key, at)
    if (held?.kind !== 'value') return { held, guard: reply, generation }
    const isOver = !node.tellsTtl && lifeLeft(held.expiresAtMs, -1, false, this.#options.clock.now()).ttlMs === 0
    if (isOver) return { held: undefined, guard: reply, generation }
    // An invalidated value is as good as deleted. Its tags tell only what depends on whether a value is there.
    const tags = isConditional ? held.tags : undefined
    const endsAt = this.#options.clock.monotonic() + this.#writeDeadlineMs
    const verdict = await this.#records.judge(namespace, { ...held, tags }, read, undefined, endsAt)
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
    node: StoreNode,
    head: Buffer,
    value: Buffer,
    ttlSeconds: number,
    put: Put,
  ): Promise<PutOutcome | undefined> {
    const records = this.#records.of(node)
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

  #expiry(ttlMs: number): number {
    return ttlMs === noExpiry ? 0 : this.#options.clock.now() + ttlMs
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

  #bury(key: string, at: NodeKey, node: StoreNode, stamp: Stamp, guard: Guard | undefined): Promise<Reply> {
    const head = encodeEnvelope({ kind: 'tombstone', stamp, flags: 0, ...(at.hashed ? { originalKey: key } : {}) })
    const ttlSeconds = tombstoneTtlMs / 1000
    return node.set(at.text, head, emptyBody, { ttlSeconds, flags: nodeFlags.tombstone, guard }, this.#writeDeadlineMs)
  }
}

interface Write {
  readonly namespace: string
  readonly key: string
  readonly at: NodeKey
  readonly node: StoreNode
  readonly stamp: Stamp
  /** It depends on whether there is a value. */
  readonly isConditional: boolean
}

const unanswered: Reply = failures.closed

/** A node counts whole seconds, and its clock is a second late: what differs by more was touched since. */
const touchedSlackMs = 2_000

/** What is left, by what the value says of itself and what its node does. 0: nothing. */
function lifeLeft(
  kept: number | undefined,
  ttlSeconds: number,
  tellsTtl: boolean,
  nowMs: number,
): { readonly ttlMs: number; readonly expiresAtMs?: number } {
  const toldMs = ttlSeconds === -1 ? noExpiry : ttlSeconds * 1000
  if (kept === undefined) return { ttlMs: toldMs }
  if (kept === 0) return { ttlMs: tellsTtl ? toldMs : noExpiry }
  const leftMs = Math.max(0, kept - nowMs)
  const isTouched = tellsTtl && (toldMs === noExpiry || Math.abs(toldMs - leftMs) > touchedSlackMs)
  return isTouched ? { ttlMs: toldMs } : { ttlMs: leftMs, expiresAtMs: kept }
}

const isTooLong = (text: string | undefined, limitBytes: number): boolean =>
  text !== undefined && Buffer.byteLength(text) > limitBytes

function whyNot(reply: Reply): MissReason {
  if (reply.code === 'FAILED') return reply.because
  return reply.code === 'EN' ? 'absent' : 'protocol'
}

const miss = (because: MissReason): Miss => ({ kind: 'miss', because })
