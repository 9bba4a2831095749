import type { Clock } from '#server-kit/clock.ts'
import type { InvalidateOptions, ItemTags, Soft, Stamp } from './cache-store.ts'
import { isNamespace } from './node-key.ts'
import { NodeRecords, type NodeRecordsOptions, type RecordRead, vouchedSince } from './node-records.ts'
import type { Pool } from './pool.ts'
import { RecordPlaces } from './record-places.ts'
import type { StoreNode } from './store-node.ts'
import { isTagName, namespaceRecordKey, type TagKind, tagRecordKey } from './tag-key.ts'
import {
  emptyRecord,
  invalidation,
  judgeItem,
  readSoftMs,
  type TagRecord,
  type Verdict,
  verdictOf,
} from './tag-record.ts'

export interface ItemRecordsOptions extends NodeRecordsOptions {
  readonly pool: Pool
  readonly clock: Clock
}

/** What is weighed against the records. */
export interface Judgeable {
  readonly stamp: Stamp
  readonly asOf: Stamp
  readonly tags?: ItemTags | undefined
  readonly soft?: Soft | undefined
}

/** What the nodes of a zone know of invalidations, and whether an item still counts by it. */
export class ItemRecords {
  readonly #pool: Pool
  readonly #clock: Clock
  readonly #options: NodeRecordsOptions
  readonly #ofNode = new WeakMap<StoreNode, NodeRecords>()
  #places = new RecordPlaces((key) => this.at(key))

  constructor({ pool, clock, ...options }: ItemRecordsOptions) {
    this.#pool = pool
    this.#clock = clock
    this.#options = options
  }

  of(node: StoreNode): NodeRecords {
    const before = this.#ofNode.get(node)
    if (before !== undefined) return before
    const records = new NodeRecords(node, this.#options)
    this.#ofNode.set(node, records)
    return records
  }

  /** Those of the node that keeps `key`. */
  at(key: string): NodeRecords {
    return this.of(this.#pool.node(key))
  }

  /** The pool has other nodes now. */
  moved(): void {
    this.#places = new RecordPlaces((key) => this.at(key))
  }

  async invalidate(
    namespace: string,
    kind: TagKind,
    name: string,
    { stamp, softMs }: InvalidateOptions,
  ): Promise<'applied' | 'failed'> {
    const news = readInvalidation(stamp, softMs)
    if (news === undefined || !isNamespace(namespace) || !isTagName(name)) return 'failed'
    const key = tagRecordKey(namespace, kind, name)
    const own = this.at(key)
    // The namespace's record first: it vouches for those that are made anew while this one is on its way, or after its loss.
    const told =
      kind === 'tag'
        ? [await own.invalidate(namespaceRecordKey(namespace), { ...emptyRecord, tags: stamp })]
        : await this.#tellAll(namespace, { ...emptyRecord, scopes: stamp }, own)
    const [vouching] = told
    if (vouching === undefined || told.includes('failed') || vouching === 'failed') return 'failed'
    return (await own.invalidate(key, news, vouchedSince(vouching, kind))) === 'failed' ? 'failed' : 'applied'
  }

  async bump(namespace: string, { stamp, softMs }: InvalidateOptions): Promise<'applied' | 'failed'> {
    const news = readInvalidation(stamp, softMs)
    if (news === undefined || !isNamespace(namespace)) return 'failed'
    return (await this.#tellAll(namespace, news)).includes('failed') ? 'failed' : 'applied'
  }

  /** Whether the item still counts, by the record of its namespace and those of its tags; `known`: already asked for. */
  judge(
    namespace: string,
    item: Judgeable,
    generation: RecordRead,
    known: ReadonlyMap<string, Promise<RecordRead>> | undefined,
    endsAt: number,
  ): Verdict | Promise<Verdict> {
    if (typeof generation === 'string') return { kind: 'gone', because: generation }
    const { stamp, soft, tags } = item
    const now = this.#clock.now()
    const verdict = judgeItem(item, generation, now, verdictOf(soft, stamp, now))
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
    const now = this.#clock.now()
    const leftMs = Math.max(0, endsAt - this.#clock.monotonic())
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
      reads.set(name, this.at(key).read(key, deadlineMs))
    }
    return reads
  }

  /** Those of exact tags, asked for at once. */
  readExact(namespace: string, tags: ItemTags, deadlineMs: number): ReadonlyMap<string, Promise<RecordRead>> {
    const reads = new Map<string, Promise<RecordRead>>()
    for (const { records, kind, name, key } of this.#places.of(namespace, tags) ?? []) {
      if (kind === 'tag') reads.set(name, records.read(key, deadlineMs))
    }
    return reads
  }

  /** True: all of them are there now; `asOf`: what is put beside them was current then. */
  async make(namespace: string, tags: ItemTags, asOf: Stamp): Promise<boolean> {
    const places = this.#places.of(namespace, tags)
    if (places === undefined) return false
    const made: Promise<boolean>[] = []
    for (const { records, kind, key } of places) {
      if (!records.knows(key)) made.push(records.make(namespace, kind, key, asOf))
    }
    return made.length === 0 || (await Promise.all(made)).every(Boolean)
  }

  /** Into the namespace's record on every node; what became of that of `first` stands first. */
  #tellAll(namespace: string, news: TagRecord, first?: NodeRecords): Promise<(TagRecord | 'failed')[]> {
    const key = namespaceRecordKey(namespace)
    const all = this.#pool.nodes.map((node) => this.of(node))
    const inOrder = first === undefined ? all : [first, ...all.filter((records) => records !== first)]
    return Promise.all(inOrder.map((records) => records.invalidate(key, news)))
  }

  #forget(namespace: string, kind: TagKind, name: string): void {
    const key = tagRecordKey(namespace, kind, name)
    this.at(key).forget(key)
  }
}

const noReads: ReadonlyMap<string, Promise<RecordRead>> = new Map()

function readInvalidation(stamp: Stamp, softMs: number | undefined): TagRecord | undefined {
  if (softMs === undefined) return invalidation(stamp, undefined)
  const forMs = readSoftMs(softMs)
  return forMs === undefined ? undefined : invalidation(stamp, forMs)
}
