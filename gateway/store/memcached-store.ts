import { type Held, judgeDelete, judgePut, tombstoneTtlMs } from './apply-if-newer.ts'
import {
  contentTypeLimitBytes,
  type DeleteOptions,
  type DeleteOutcome,
  type GetOptions,
  type Hit,
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
import type { MetaNode, NodeDependencies, Reply } from './meta-node.ts'
import { wireTtl } from './meta-protocol.ts'
import { type NodeKey, nodeKey } from './node-key.ts'
import { Pool, type PoolNode, type Ring } from './pool.ts'
import { stampMs } from './stamp.ts'

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
}

/** Driver `memcached:`, one zone of real nodes, in storage mode `envelope`: the stamp stands before each value. */
export class MemcachedStore implements ZoneStore {
  readonly zone: string
  readonly #options: MemcachedStoreOptions
  readonly #pool: Pool
  readonly #writeDeadlineMs: number

  constructor(options: MemcachedStoreOptions) {
    this.zone = options.zone
    this.#options = options
    this.#pool = new Pool(options.nodes, options.ring, options)
    this.#writeDeadlineMs = options.writeDeadlineMs ?? 50
  }

  async get(namespace: string, key: string, { deadlineMs }: GetOptions): Promise<Hit | Miss> {
    const at = nodeKey(namespace, key)
    if (at === undefined) return miss('absent')
    const reply = await this.#pool.node(at.text).get(at.text, 'v t', deadlineMs)
    if (reply.code !== 'VA' || reply.value === undefined) return miss(whyNot(reply))
    const envelope = this.#open(reply.value, key, at)
    if (envelope === undefined) return miss('unreadable')
    if (envelope.kind === 'tombstone') return { ...miss('tombstone'), stamp: envelope.stamp }
    const { body, flags, stamp, contentType } = envelope
    const ttlMs = reply.ttlSeconds === -1 ? noExpiry : reply.ttlSeconds * 1000
    return {
      kind: 'hit',
      value: body,
      flags,
      stamp,
      ttlMs,
      zone: this.zone,
      ...(contentType === undefined ? {} : { contentType }),
    }
  }

  async put(namespace: string, key: string, value: Buffer, put: PutOptions): Promise<PutOutcome> {
    const at = nodeKey(namespace, key)
    const ttlSeconds = wireTtl(put.ttlMs, this.#options.clock.now())
    const contentType = put.contentType
    if (at === undefined || ttlSeconds === undefined) return 'failed'
    if (contentType !== undefined && Buffer.byteLength(contentType) > contentTypeLimitBytes) return 'failed'
    const head = encodeEnvelope({
      kind: 'value',
      stamp: put.stamp,
      flags: put.flags ?? 0,
      ...(at.hashed ? { originalKey: key } : {}),
      ...(contentType === undefined ? {} : { contentType }),
    })
    const node = this.#pool.node(at.text)
    const tooLarge = at.text.length + head.length + value.length + itemOverheadBytes > node.itemSizeMax
    return this.#applyIfNewer<PutOutcome>(
      key,
      at,
      node,
      put.stamp,
      (held) => judgePut(held, put),
      async (guard) => {
        if (tooLarge) return this.#bury(key, at, node, put.stamp, guard)
        return node.set(at.text, head, value, { ttlSeconds, flags: nodeFlags.value, guard }, this.#writeDeadlineMs)
      },
      // A value that does not fit must not leave the one that it would have replaced.
      () => (tooLarge ? 'failed' : 'stored'),
    )
  }

  async delete(namespace: string, key: string, del: DeleteOptions): Promise<DeleteOutcome> {
    const at = nodeKey(namespace, key)
    if (at === undefined) return 'failed'
    const node = this.#pool.node(at.text)
    // No set as old as this can come any more: there is nothing for a tombstone to keep out.
    const plain = stampMs(del.stamp) < this.#options.clock.now() - tombstoneTtlMs
    return this.#applyIfNewer<DeleteOutcome>(
      key,
      at,
      node,
      del.stamp,
      (held) => (plain && held === undefined ? 'not-found' : judgeDelete(held, del)),
      async (guard) =>
        plain && guard !== 'absent'
          ? node.delete(at.text, guard.cas, this.#writeDeadlineMs)
          : this.#bury(key, at, node, del.stamp, guard),
      (held) => (held?.kind === 'value' ? 'deleted' : 'not-found'),
    )
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
    key: string,
    at: NodeKey,
    node: MetaNode,
    stamp: Stamp,
    judge: (held: Held | undefined) => 'apply' | Outcome,
    swap: (guard: Guard) => Promise<Reply>,
    applied: (held: Held | undefined) => Outcome,
  ): Promise<Outcome | 'failed'> {
    // One late read ends the connection and all that is under way on it; the next one stands at once. What was lost
    // with it is asked again, once: by its stamp it is the same write.
    let mayRepeat = true
    let unanswered: Found | undefined
    for (let tries = 0; tries < swapTries; tries++) {
      const found = await this.#find(key, at, node)
      if (found === 'failed') {
        if (!mayRepeat) return 'failed'
        mayRepeat = false
        continue
      }
      if (unanswered !== undefined && found.held?.stamp === stamp) return applied(unanswered.held)
      const verdict = judge(found.held)
      if (verdict !== 'apply') return verdict
      const reply = await swap(found.guard)
      if (reply.code === 'HD') return applied(found.held)
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

  async #find(key: string, at: NodeKey, node: MetaNode): Promise<Found | 'failed'> {
    const reply = await node.get(at.text, 'v c', this.#writeDeadlineMs)
    if (reply.code === 'EN') return { held: undefined, guard: 'absent' }
    if (reply.code !== 'VA' || reply.value === undefined) return 'failed'
    return { held: this.#open(reply.value, key, at), guard: reply }
  }

  /**
   * A valid envelope that belongs to this key; a foreign item, or another key with the same hash, is neither. Nor is one
   * of a clock far ahead: nothing written now would replace it, for as long as that clock was wrong.
   */
  #open(item: Buffer, key: string, at: NodeKey): OpenedEnvelope | undefined {
    const envelope = decodeEnvelope(item)
    if (envelope === undefined || envelope.originalKey !== (at.hashed ? key : undefined)) return undefined
    return this.#options.believes?.(envelope.stamp) === false ? undefined : envelope
  }

  #bury(key: string, at: NodeKey, node: MetaNode, stamp: Stamp, guard: Guard | undefined): Promise<Reply> {
    const head = encodeEnvelope({ kind: 'tombstone', stamp, flags: 0, ...(at.hashed ? { originalKey: key } : {}) })
    const ttlSeconds = tombstoneTtlMs / 1000
    return node.set(at.text, head, emptyBody, { ttlSeconds, flags: nodeFlags.tombstone, guard }, this.#writeDeadlineMs)
  }
}

function whyNot(reply: Reply): MissReason {
  if (reply.code === 'FAILED') return reply.because
  return reply.code === 'EN' ? 'absent' : 'protocol'
}

const miss = (because: MissReason): Miss => ({ kind: 'miss', because })
