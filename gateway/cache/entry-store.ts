import type { Clock } from '#server-kit/clock.ts'
import { firstValue } from '../header-pairs.ts'
import {
  type CacheStore,
  type DeleteOutcome,
  type GetOptions,
  type Hit,
  type ItemTags,
  isKnowledge,
  type MissReason,
  type PutOptions,
  type PutOutcome,
  type Stamp,
  valueLimitBytes,
} from '../store/cache-store.ts'
import { tagBytes } from '../store/envelope.ts'
import type { Fetched, Found, FoundEntry, FoundNone, Kept, KnownIndex, Lookup, Primary } from './found.ts'
import { keepMs } from './keep-time.ts'
import type { MemoryLayer, Ticket } from './memory-layer.ts'
import type { Entry } from './policy/entry.ts'
import { parseHttpDate } from './policy/http-date.ts'
import { validatorsOf } from './policy/validate.ts'
import { decodeEntry, encodeEntry } from './stored-entry.ts'
import { withOwnTags } from './tags.ts'
import {
  decodeIndex,
  encodeIndex,
  type IndexRow,
  mostVariants,
  namesIn,
  rowFor,
  sameNames,
  selectionDigest,
  validators,
  withRow,
} from './variant-index.ts'

export interface EntryStoreOptions {
  readonly outer: CacheStore
  /** The zones of this site alone: failures (E2) and what guests asked for are never doubled to another one. */
  readonly inner: CacheStore
  readonly newStamp: () => Stamp
  readonly site: string
  /** For one look, however many trips it takes, ms. */
  readonly deadlineMs: number
  readonly clock: Clock
  /** Undefined: there is no first level. */
  readonly memory: MemoryLayer<Remembered> | undefined
}

/** What the first level holds: an answer, or the index that leads to one. Both are of their clear key. */
export type Remembered = { readonly kind: 'entry'; readonly clear: string; readonly found: FoundEntry } | KnownIndex

const getOptions = ({ tags, pull = false }: Lookup, deadlineMs: number): GetOptions => ({ deadlineMs, tags, pull })
const nothing: Primary = { kind: 'nothing' }
const noTags: ItemTags = { exact: [], scopes: [] }
/** How often a row is added to an index that others write at the same time; beyond it the variant is not found: a miss. */
const mostTries = 3

/** Stored answers: found and kept with their bytes, variants and tags. A store that fails is a miss, never an error (X1). */
export class EntryStore {
  readonly #outer: CacheStore
  readonly #inner: CacheStore
  readonly #newStamp: () => Stamp
  readonly #site: string
  readonly #deadlineMs: number
  readonly #clock: Clock
  readonly #memory: MemoryLayer<Remembered> | undefined

  constructor({ outer, inner, newStamp, site, deadlineMs, clock, memory }: EntryStoreOptions) {
    this.#outer = outer
    this.#inner = inner
    this.#newStamp = newStamp
    this.#site = site
    this.#deadlineMs = deadlineMs
    this.#clock = clock
    this.#memory = memory
  }

  /** A fresh answer from this process's memory, at once; undefined: `look` knows. */
  recall({ key, linesOf, memory: may }: Lookup): FoundEntry | undefined {
    const memory = this.#memory
    if (memory === undefined || !may) return undefined
    const { namespace, text, clear } = key
    const first = memory.get(namespace, text)
    if (first === undefined) return undefined
    if (first.kind === 'entry') return first.clear === clear ? first.found : undefined
    if (first.index.clear !== clear) return undefined
    const row = rowFor(first.index, text, linesOf)
    const variant = row && memory.get(namespace, variantKey(text, row.id))
    if (row === undefined || variant?.kind !== 'entry' || variant.clear !== clear) return undefined
    return variant.found.selects.includes(row.selecting) ? variant.found : undefined
  }

  /**
   * To be called before the stamp of a fetch is taken, in the same turn, where what comes of it will probably be stored: its
   * records know of all that is invalidated from then on. Nobody needs to wait for it. Never rejects.
   */
  prepare({ key, tags }: Lookup): Promise<void> {
    return this.#outer.prepare(key.namespace, tags)
  }

  /** What is stored for the request, within the deadline. Never rejects. */
  async look(lookup: Lookup): Promise<Found> {
    const { namespace, text, clear } = lookup.key
    const startedMs = this.#clock.monotonic()
    const ticket = this.#ticket(lookup)
    const got = await this.#outer.get(namespace, text, getOptions(lookup, this.#deadlineMs))
    if (got.kind === 'miss') return missed(got.because)
    const index = decodeIndex(got.value)
    if (index === undefined) {
      const primary = { kind: 'entry', stamp: got.stamp } as const
      return this.#open(lookup, got, primary, undefined, ticket) ?? missed('absent')
    }
    if (index.clear !== clear) return missed('absent')
    const primary: KnownIndex = { kind: 'index', stamp: got.stamp, ttlMs: got.ttlMs, index }
    this.#rememberIndex(lookup, primary, got.value.length, ticket)
    return this.#lookForVariant(lookup, primary, this.#deadlineMs - (this.#clock.monotonic() - startedMs))
  }

  /**
   * Stores what the service answered to a request for which `found` was there before. A part of a whole takes no place but an
   * empty one, or that of the part that was found (G3). Never rejects.
   */
  async keep(lookup: Lookup, found: Found, fetched: Fetched): Promise<Kept> {
    const { key, linesOf } = lookup
    const { vary } = fetched.entry
    if (vary.length === 0 && found.primary.kind !== 'index')
      return this.#put(lookup, key.text, [], fetched, placeFor(found, fetched.entry))
    const selecting = selectionDigest(key.text, vary, linesOf)
    return this.#keepVariant(lookup, found, fetched, selecting, selecting, [selecting])
  }

  /**
   * Stores what a validation of `found` made of it: the same body under a new head (C6). A variant that other requests got
   * answers this one, too, from now on (V7). Never rejects.
   */
  async replace(lookup: Lookup, found: FoundEntry, fetched: Fetched): Promise<Kept> {
    const { key, linesOf } = lookup
    const { variant, selects, entry } = found
    const { vary } = fetched.entry
    if (variant === undefined || !sameNames(vary, entry.vary)) return this.keep(lookup, found, fetched)
    const selecting = selectionDigest(key.text, vary, linesOf)
    const others = selects.filter((one) => one !== selecting)
    return this.#keepVariant(lookup, found, fetched, variant, selecting, [...others, selecting].slice(-mostVariants))
  }

  /** One of the variants that `found` names, where it is there still and whole. Never rejects. */
  async variant(lookup: Lookup, { primary }: FoundNone, row: IndexRow): Promise<FoundEntry | undefined> {
    const got = await this.#readVariant(lookup, primary, row, this.#deadlineMs)
    return got.kind === 'entry' && got.entry.part === undefined ? got : undefined
  }

  /** Removes what was found, if nothing newer has taken its place. */
  async drop(lookup: Lookup, { variant, stamp: found }: FoundEntry, stamp: Stamp): Promise<DeleteOutcome> {
    const { key } = lookup
    const at = variant === undefined ? key.text : variantKey(key.text, variant)
    this.#memory?.outdate(key.namespace, at, stamp)
    return this.#storeOf(lookup).delete(key.namespace, at, { stamp, ifStamp: found })
  }

  /** Removes a variant that was not read, if it is older than the stamp. */
  async dropVariant(lookup: Lookup, { id }: IndexRow, stamp: Stamp): Promise<DeleteOutcome> {
    const { key } = lookup
    const at = variantKey(key.text, id)
    this.#memory?.outdate(key.namespace, at, stamp)
    return this.#storeOf(lookup).delete(key.namespace, at, { stamp })
  }

  async #lookForVariant(lookup: Lookup, primary: KnownIndex, leftMs: number): Promise<Found> {
    const { key, linesOf } = lookup
    const row = rowFor(primary.index, key.text, linesOf)
    const got = row && (await this.#readVariant(lookup, primary, row, leftMs))
    if (got?.kind === 'entry' && got.selects.includes(row?.selecting ?? '')) return got
    const none = { kind: 'none', vary: namesIn(primary.index), primary } as const
    if (got?.kind === 'none' && got.because === 'failed') return { ...none, ...got, vary: none.vary, primary }
    // The item of our own row is not asked about: it is gone, or holds for others now. None of the rest is read before the service
    // has named it: with a Vary that few requests share, each miss would else read megabytes.
    const variants = validators(primary.index).filter(({ id }) => id !== row?.id)
    return { ...none, because: 'vary-miss', variants }
  }

  async #readVariant(lookup: Lookup, primary: Primary, row: IndexRow, leftMs: number): Promise<Found> {
    const { namespace, text } = lookup.key
    const ticket = this.#ticket(lookup)
    const options = getOptions(lookup, Math.max(1, leftMs))
    const got = await this.#outer.get(namespace, variantKey(text, row.id), options)
    if (got.kind === 'miss') return missed(got.because)
    return this.#open(lookup, got, primary, row.id, ticket) ?? missed('absent')
  }

  /** The answer in an item; undefined for what is not ours, of another key, or a failure from before a move. */
  #open(
    { key, tags: known, epoch, memory: may }: Lookup,
    { value, stamp, soft, zone, tags = known }: Hit,
    primary: Primary,
    variant: string | undefined,
    ticket: Ticket | undefined,
  ): FoundEntry | undefined {
    const stored = decodeEntry(value)
    if (stored === undefined || stored.clear !== key.clear) return undefined
    const { entry, body, site, selects, clear } = stored
    if (entry.negative === true && stored.epoch !== epoch) return undefined
    const found: FoundEntry = {
      kind: 'entry',
      entry,
      body,
      stamp,
      ...(soft === undefined ? {} : { soft }),
      zone,
      site,
      epoch: stored.epoch,
      variant,
      selects,
      primary,
    }
    // A failure is about a placement, and what needs a question first is not told from memory.
    const plain = soft === undefined && entry.negative !== true && !entry.freshness.validateAlways
    if (ticket !== undefined && plain && may) {
      this.#memory?.offer(key.namespace, variant === undefined ? key.text : variantKey(key.text, variant), {
        value: () => ({ kind: 'entry', clear, found: { ...found, body: ownCopy(body) } }),
        bytes: 2 * value.length - body.length,
        stamp,
        tags,
        freshUntilMs: entry.responseMs + (entry.freshness.lifetimeS - entry.freshness.initialAgeS) * 1_000,
        ticket,
      })
    }
    return found
  }

  #rememberIndex({ key }: Lookup, primary: KnownIndex, bytes: number, ticket: Ticket | undefined): void {
    if (ticket === undefined) return
    this.#memory?.offer(key.namespace, key.text, {
      value: () => primary,
      bytes: 2 * bytes,
      stamp: primary.stamp,
      tags: noTags,
      // It leads to answers that have times of their own.
      freshUntilMs: Number.POSITIVE_INFINITY,
      ticket,
    })
  }

  #ticket({ memory }: Lookup): Ticket | undefined {
    return memory ? this.#memory?.ticket() : undefined
  }

  /** First the answer, then the row that leads to it: a row never leads to what is not there yet. */
  async #keepVariant(
    lookup: Lookup,
    found: Found,
    fetched: Fetched,
    id: string,
    selecting: string,
    selects: readonly string[],
  ): Promise<Kept> {
    const { text } = lookup.key
    const kept = await this.#put(lookup, variantKey(text, id), selects, fetched, placeFor(found, fetched.entry, id))
    if (kept !== 'stored') return kept
    const ttlMs = keepMs(fetched.entry, this.#clock.now())
    return this.#addRow(lookup, found.primary, rowOf(fetched.entry, id, selecting, this.#clock.now()), ttlMs)
  }

  /** Two processes that add rows at once both succeed, or one of them loses its row: a miss, never another one's answer. */
  async #addRow(lookup: Lookup, known: Primary, row: IndexRow, ttlMs: number): Promise<Kept> {
    const { namespace, text, clear } = lookup.key
    let primary = known
    for (let tries = 1; ; tries++) {
      const { index, leftMs } =
        primary.kind === 'index'
          ? { index: primary.index, leftMs: primary.ttlMs }
          : { index: { clear, rows: [] }, leftMs: 0 }
      const stamp = this.#newStamp()
      const outcome = await this.#storeOf(lookup).put(namespace, text, encodeIndex(withRow(index, row)), {
        ttlMs: Math.max(ttlMs, leftMs),
        stamp,
        // Over what was read, if it is still that. Where a second look found nothing usable, over whatever is there.
        ...(primary.kind !== 'nothing' ? { ifStamp: primary.stamp } : tries === 1 ? { mode: 'add' } : {}),
      })
      if (outcome === 'stored') {
        this.#memory?.outdate(namespace, text, stamp)
        return 'stored'
      }
      if (outcome === 'failed' || tries === mostTries) return outcome === 'failed' ? 'failed' : 'older'
      primary = await this.#primaryNow(lookup)
    }
  }

  async #primaryNow({ key: { namespace, text, clear } }: Lookup): Promise<Primary> {
    const got = await this.#outer.get(namespace, text, { deadlineMs: this.#deadlineMs })
    if (got.kind === 'miss') return nothing
    const { stamp, ttlMs } = got
    const index = decodeIndex(got.value)
    return index?.clear === clear ? { kind: 'index', stamp, ttlMs, index } : { kind: 'entry', stamp }
  }

  async #put(
    lookup: Lookup,
    at: string,
    selects: readonly string[],
    { entry, body, stamp }: Fetched,
    place: Pick<PutOptions, 'mode' | 'ifStamp' | 'unseen'>,
  ): Promise<Kept> {
    const { key, tags: known, host, epoch } = lookup
    if (lookup.guest && lookup.pull) return 'of-a-guest'
    const tags = withOwnTags(known, entry, host)
    if (tags === undefined) return 'too-many-tags'
    const ttlMs = keepMs(entry, this.#clock.now())
    if (ttlMs <= 0) return 'no-lifetime'
    const value = encodeEntry({ clear: key.clear, selects, entry, body, site: this.#site, epoch })
    if (value.length + tagBytes(tags) > valueLimitBytes) return 'too-large'
    const store = entry.negative === true ? this.#inner : this.#storeOf(lookup)
    const outcome = await store.put(key.namespace, at, value, { ttlMs, stamp, tags, ...place })
    // Also when it failed: what was there before may be gone.
    this.#memory?.outdate(key.namespace, at, stamp)
    return keptOf(outcome)
  }

  #storeOf({ guest }: Lookup): CacheStore {
    return guest ? this.#inner : this.#outer
  }
}

/** The key of a variant's own item: no hash has a dot. */
const variantKey = (text: string, id: string): string => `${text}.${id}`

/** A part never takes the place of a whole answer, nor of a part that another request put there meanwhile. */
function placeFor(found: Found, { part }: Entry, variant?: string): Pick<PutOptions, 'mode' | 'ifStamp' | 'unseen'> {
  if (part === undefined) return found.kind === 'none' && found.detail === 'absent' ? { unseen: true } : {}
  if (found.kind === 'entry' && found.entry.part !== undefined && found.variant === variant)
    return { ifStamp: found.stamp }
  return { mode: 'add' }
}

function rowOf(entry: Entry, id: string, selecting: string, storedMs: number): IndexRow {
  const { vary, headers, responseMs, part } = entry
  const date = firstValue(headers, 'date')
  return {
    // Of a part there is nothing that a request for the whole could ask.
    ...(part === undefined ? validatorsOf(entry) : {}),
    vary,
    selecting,
    id,
    dateMs: (date === undefined ? undefined : parseHttpDate(date, responseMs)) ?? responseMs,
    storedMs,
  }
}

function missed(because: MissReason): FoundNone {
  const known = isKnowledge(because) || because === 'tag-missing'
  return { kind: 'none', because: known ? 'uri-miss' : 'failed', detail: because, variants: [], primary: nothing }
}

/** Without the buffers around it, not even those of the pool: few bytes would keep many alive, uncounted. */
function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}

function keptOf(outcome: PutOutcome): Kept {
  return outcome === 'absent' ? 'older' : outcome
}
