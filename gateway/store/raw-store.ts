import { LRUCache } from 'lru-cache'
import { type Held, judgeDelete, judgePut } from './apply-if-newer.ts'
import {
  type DeleteOptions,
  type DeleteOutcome,
  type GetOptions,
  type Hit,
  type InvalidateOptions,
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
import { MetaNode } from './meta-node.ts'
import { type Guard, wireTtl } from './meta-protocol.ts'
import { rawKey } from './node-key.ts'
import type { NodeDependencies } from './node-link.ts'
import { Pool, type PoolNode, type Ring } from './pool.ts'
import { RawAges } from './raw-ages.ts'
import type { Reply, StoreNode } from './store-node.ts'

export interface RawStoreOptions extends NodeDependencies {
  readonly zone: string
  /** The one namespace whose keys it keeps, under their own names. */
  readonly namespace: string
  readonly nodes: readonly PoolNode[]
  readonly ring: Ring
  /** A stamp above all that this process gave. */
  readonly newStamp: () => Stamp
  /** Nothing below it is served. */
  readonly floor: () => Stamp
  /** Gives up all that the zone has, for every process of the site. False: that could not be made to last. */
  readonly raise: (stamp: Stamp) => Promise<boolean>
  /** For each step of a write, ms; default 50. */
  readonly writeDeadlineMs?: number
  /** Writes of ours that are remembered; default 200,000. */
  readonly rememberedLimit?: number
}

/** Our last write of a key, and by what the node tells that nobody has written since. */
interface Own {
  readonly held: Held
  /** Empty: not known yet, or a delete. */
  cas: string
}

/** A conditional write that loses so often against others ends as a delete. */
const swapTries = 4
const nothing = Buffer.alloc(0)
/** Below it a number is a node's cas: a counter from 1 on, while stamps begin at 2^60. */
const leastStamp = 1n << 56n

/**
 * Driver `memcached:` in storage mode `raw`, for nodes that other programs use directly: keys, flags and bytes are theirs, and
 * nothing lies beside them. So the nodes know no stamps, and what can be promised is less than in the other modes:
 *
 *  - The stamps of our own last writes are in the memory of this process, bounded, each beside the cas that the node gave. By
 *    them an older write of this process, or one that another site shipped, does not replace a newer one. Of two processes of
 *    the site that write one key at the same moment, the last one to arrive wins, as with any program that uses the nodes.
 *  - What somebody else wrote has as stamp a lower bound of its age (`raw-ages.ts`). Clients compare and set by the node's own
 *    cas (`Hit.unique`), which is the same for whoever asks; `ifStamp` takes it, or the stamp of a write of ours.
 *  - A bump raises the floor of the zone, which has one namespace. No item has tags, a content type or a soft end here: a put
 *    with tags or a soft end is refused, and an invalidation by tag has nothing to do.
 */
export class RawStore implements ZoneStore {
  readonly zone: string
  readonly #options: RawStoreOptions
  readonly #pool: Pool
  readonly #own: LRUCache<string, Own>
  readonly #ages = new WeakMap<StoreNode, RawAges>()
  readonly #writeDeadlineMs: number
  #bypassed = 0

  constructor(options: RawStoreOptions) {
    this.zone = options.zone
    this.#options = options
    this.#writeDeadlineMs = options.writeDeadlineMs ?? 50
    this.#own = new LRUCache({ max: options.rememberedLimit ?? 200_000 })
    this.#pool = new Pool(options.nodes, options.ring, (address) => new MetaNode(address, options))
  }

  keeps(namespace: string): boolean {
    return namespace === this.#options.namespace
  }

  /** How many writes the nodes have taken, between ours, of which this process knows nothing. */
  get bypassed(): number {
    return this.#bypassed
  }

  /** As in `MemcachedStore`: whoever calls this has raised the floor of the zone. */
  changeNodes(nodes: readonly PoolNode[]): void {
    this.#pool.change(nodes)
  }

  async prepare(): Promise<void> {}

  async get(namespace: string, key: string, { deadlineMs, access }: GetOptions): Promise<Hit | Miss> {
    const at = this.#key(namespace, key)
    if (at === undefined) return miss('absent')
    const node = this.#pool.node(at)
    const reply = await node.get(at, access === true ? 'v t c f h l' : 'v t c f', deadlineMs)
    if (reply.code !== 'VA' || reply.value === undefined) return this.#missed(reply, at)
    const { value, flags, cas, ttlSeconds, readBefore, idleSeconds } = reply
    const stamp = this.#stampOf(node, at, cas)
    const floor = this.#options.floor()
    if (stamp < floor) {
      await this.#agesOf(node).renew(floor, deadlineMs)
      return { kind: 'miss', because: 'invalidated', stamp: floor }
    }
    return {
      kind: 'hit',
      value,
      flags,
      stamp,
      unique: BigInt(cas),
      ttlMs: ttlSeconds === -1 ? noExpiry : ttlSeconds * 1000,
      zone: this.zone,
      ...(access === true && idleSeconds >= 0 ? { access: { readBefore, idleS: idleSeconds } } : {}),
    }
  }

  async put(namespace: string, key: string, value: Buffer, put: PutOptions): Promise<PutOutcome> {
    const at = this.#key(namespace, key)
    const ttlSeconds = wireTtl(put.ttlMs, this.#options.clock.now())
    if (at === undefined || ttlSeconds === undefined) return 'failed'
    if (put.tags !== undefined || put.soft !== undefined) return 'failed'
    if (put.stamp < this.#options.floor()) return 'older'
    const node = this.#pool.node(at)
    const item = { at, node, value, stamp: put.stamp, ttlSeconds, flags: put.flags ?? 0 }
    const isConditional = put.ifStamp !== undefined || (put.mode ?? 'set') !== 'set'
    return isConditional ? this.#putIf(item, put) : this.#putAnyway(item, put)
  }

  async delete(namespace: string, key: string, { stamp, ifStamp }: DeleteOptions): Promise<DeleteOutcome> {
    const at = this.#key(namespace, key)
    // A key that no node takes has no value, and never will.
    if (at === undefined) return 'not-found'
    const node = this.#pool.node(at)
    let cas: string | undefined
    if (ifStamp === undefined) {
      const verdict = judgeDelete(this.#own.get(at)?.held, { stamp })
      if (verdict !== 'apply') return verdict
    } else {
      const found = await this.#find(node, at)
      if (found === 'failed') return 'failed'
      const verdict = judgeDelete(found.held, { stamp, ifStamp: asStamp(ifStamp, found) })
      if (verdict !== 'apply') return verdict
      cas = found.cas
    }
    // In this turn, as the command is: who comes after it finds it.
    const own = this.#remember(at, { kind: 'tombstone', stamp })
    const reply = await node.delete(at, cas, this.#writeDeadlineMs)
    if (reply.code === 'HD') return 'deleted'
    if (reply.code === 'NF') return 'not-found'
    this.#forget(at, own)
    return reply.code === 'EX' ? 'older' : 'failed'
  }

  /** Asked for the very value with that stamp, it may meet a newer one in the trip between: the same life for both. */
  async touch(namespace: string, key: string, { ttlMs, ifStamp }: TouchOptions): Promise<TouchOutcome> {
    const at = this.#key(namespace, key)
    const ttlSeconds = wireTtl(ttlMs, this.#options.clock.now())
    if (at === undefined || ttlSeconds === undefined) return { kind: 'failed' }
    const node = this.#pool.node(at)
    const found = await this.#find(node, at)
    if (found === 'failed') return { kind: 'failed' }
    if (found.held?.kind !== 'value') return { kind: 'not-found' }
    if (ifStamp !== undefined && asStamp(ifStamp, found) !== found.held.stamp) return { kind: 'not-found' }
    const reply = await node.touch(at, ttlSeconds, this.#writeDeadlineMs)
    if (reply.code === 'HD') return { kind: 'touched', stamp: this.#stampOf(node, at, reply.cas) }
    return { kind: reply.code === 'EN' ? 'not-found' : 'failed' }
  }

  /** No item has a tag here. */
  async invalidate(): Promise<'applied' | 'failed'> {
    return 'applied'
  }

  /** What is to be kept as stale is given up as well: an item has nothing that could say so. */
  async bump(namespace: string, { stamp }: InvalidateOptions): Promise<'applied' | 'failed'> {
    if (!this.keeps(namespace)) return 'applied'
    if (!(await this.#options.raise(stamp))) return 'failed'
    const floor = this.#options.floor()
    await Promise.all(this.#pool.nodes.map((node) => this.#agesOf(node).renew(floor, this.#writeDeadlineMs)))
    return 'applied'
  }

  async opened(): Promise<void> {
    await this.#pool.opened()
  }

  startedAtMs(namespace: string, key: string): number | undefined {
    const at = this.#key(namespace, key)
    return at === undefined ? undefined : this.#pool.node(at).startedAtMs
  }

  nodeOf(namespace: string, key: string): string {
    const at = this.#key(namespace, key)
    return at === undefined ? '' : this.#pool.nameOf(at)
  }

  health(): readonly ZoneHealth[] {
    return [{ zone: this.zone, state: this.#pool.isUp ? 'up' : 'suspect', owed: 0 }]
  }

  async close(): Promise<void> {
    this.#pool.close()
  }

  /** Judged and written in one turn, so that the writes of this process reach the node in the order of their stamps. */
  async #putAnyway(item: Item, put: PutOptions): Promise<PutOutcome> {
    const { at, node, stamp } = item
    const verdict = judgePut(this.#own.get(at)?.held, put)
    if (verdict !== 'apply') return verdict
    const own = this.#remember(at, { kind: 'value', stamp })
    const reply = await this.#write(item, undefined)
    if (reply.code === 'HD') {
      this.#stored(node, own, reply.cas)
      return 'stored'
    }
    // Whether it is there nobody knows: never asked again, since what came meanwhile may be newer. The zones' debt deletes it.
    this.#forget(at, own)
    if (reply.code === 'SERVER_ERROR') await node.delete(at, undefined, this.#writeDeadlineMs)
    return 'failed'
  }

  async #putIf(item: Item, put: PutOptions): Promise<PutOutcome> {
    const { at, node, stamp } = item
    for (let tries = 0; tries < swapTries; tries++) {
      const found = await this.#find(node, at)
      if (found === 'failed') return 'failed'
      const { ifStamp } = put
      const verdict = judgePut(found.held, ifStamp === undefined ? put : { ...put, ifStamp: asStamp(ifStamp, found) })
      if (verdict !== 'apply') return verdict
      const before = this.#own.get(at)
      const reply = await this.#write(item, found.cas === undefined ? 'absent' : { cas: found.cas })
      if (reply.code === 'HD') {
        const meanwhile = this.#own.get(at)
        // A write of ours with a lower stamp may have followed it on the way: on doubt nothing is served.
        if (meanwhile !== before && meanwhile !== undefined && meanwhile.held.stamp < stamp) break
        this.#stored(node, this.#remember(at, { kind: 'value', stamp }), reply.cas)
        return 'stored'
      }
      if (reply.code === 'FAILED') return 'failed'
      if (reply.code === 'SERVER_ERROR') break
    }
    await node.delete(at, undefined, this.#writeDeadlineMs)
    return 'failed'
  }

  /** What is there, without its bytes. What lies below the floor is as good as deleted, and yet has a cas. */
  async #find(node: StoreNode, at: string): Promise<Found | 'failed'> {
    const reply = await node.get(at, 'c', this.#writeDeadlineMs)
    const own = this.#own.get(at)?.held
    if (reply.code === 'EN') return { held: own?.kind === 'tombstone' ? own : undefined, cas: undefined }
    if (reply.code !== 'HD' || reply.cas === '') return 'failed'
    const stamp = this.#stampOf(node, at, reply.cas)
    const kind = stamp < this.#options.floor() ? 'tombstone' : 'value'
    return { held: { kind, stamp }, cas: reply.cas }
  }

  /** The reply tells the cas of what was stored, in a second trip within the same write where the node cannot by itself. */
  async #write({ at, node, value, ttlSeconds, flags }: Item, guard: Guard | undefined): Promise<Reply> {
    const { tellsCas } = node
    const written = node.set(at, nothing, value, { ttlSeconds, flags, guard, tellCas: tellsCas }, this.#writeDeadlineMs)
    if (tellsCas) return written
    const told = node.get(at, 'c', this.#writeDeadlineMs)
    const reply = await written
    if (reply.code !== 'HD') return reply
    const seen = await told
    return seen.code === 'HD' ? seen : reply
  }

  #stored(node: StoreNode, own: Own, cas: string): void {
    own.cas = cas
    if (cas !== '') this.#bypassed += this.#agesOf(node).stored(cas)
  }

  /** Ours, while the node tells that nobody has written since; else a lower bound of its age. */
  #stampOf(node: StoreNode, at: string, cas: string): Stamp {
    const own = this.#own.get(at)
    return own?.held.kind === 'value' && own.cas === cas ? own.held.stamp : this.#agesOf(node).of(cas)
  }

  #missed(reply: Reply, at: string): Miss {
    if (reply.code === 'FAILED') return miss(reply.because)
    if (reply.code !== 'EN') return miss('protocol')
    const own = this.#own.get(at)?.held
    return own?.kind === 'tombstone' ? { ...miss('tombstone'), stamp: own.stamp } : miss('absent')
  }

  #remember(at: string, held: Held): Own {
    const own = { held, cas: '' }
    this.#own.set(at, own)
    return own
  }

  #forget(at: string, own: Own): void {
    if (this.#own.get(at) === own) this.#own.delete(at)
  }

  #agesOf(node: StoreNode): RawAges {
    const before = this.#ages.get(node)
    if (before !== undefined) return before
    const ages = new RawAges(node, this.#options.newStamp)
    this.#ages.set(node, ages)
    return ages
  }

  #key(namespace: string, key: string): string | undefined {
    return this.keeps(namespace) ? rawKey(key) : undefined
  }
}

interface Item {
  readonly at: string
  readonly node: StoreNode
  readonly value: Buffer
  readonly stamp: Stamp
  readonly ttlSeconds: number
  readonly flags: number
}

interface Found {
  readonly held: Held | undefined
  /** Undefined: nothing is there. */
  readonly cas: string | undefined
}

/** What a client compares by, as a stamp: the node's cas names the value that is there, or none. */
function asStamp(ifStamp: bigint, { held, cas }: Found): Stamp {
  if (ifStamp >= leastStamp || held === undefined) return ifStamp
  return cas !== undefined && BigInt(cas) === ifStamp ? held.stamp : ifStamp
}

const miss = (because: MissReason): Miss => ({ kind: 'miss', because })
