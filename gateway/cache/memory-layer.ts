import { LRUCache } from 'lru-cache'
import type { Clock } from '#server-kit/clock.ts'
import type { Counter } from '#server-kit/metrics.ts'
import type { ItemTags, Stamp } from '../store/cache-store.ts'
import { OutdatedNames } from './outdated-names.ts'

/** What the layer did with one look or one offer. */
export const memoryOutcomes = ['hit', 'miss', 'admitted', 'outdated', 'bypassed'] as const

export interface MemoryLayerOptions {
  /** Of values, keys and an allowance for each item. */
  readonly limitBytes: number
  readonly clock: Clock
  /** Whether invalidations by other processes reach this one now. False: the layer is empty and stays so. */
  readonly live: () => boolean
  readonly outcomes: Counter<'outcome'>
}

export interface Offered<T> {
  /** Must own its bytes: a view would keep a larger buffer alive, uncounted. */
  readonly value: () => T
  readonly bytes: number
  readonly stamp: Stamp
  readonly tags: ItemTags
  /** Unix ms. */
  readonly freshUntilMs: number
  /** What `ticket` gave before the value was read. */
  readonly ticket: Ticket
}

/** When a read began. */
export interface Ticket {
  readonly atMs: number
  readonly life: number
}

interface Held<T> {
  readonly value: T
  readonly bytes: number
  readonly namespace: string
  readonly key: string
  readonly stamp: Stamp
  readonly tags: ItemTags
  readonly freshUntilMs: number
  /** Monotonic ms at which its read began. */
  readonly readAtMs: number
  /** How many invalidations it has been held against. */
  checked: number
}

/** Longer than that nothing is told from here, ms: the bound on what a lost word could do. */
const longestMs = 1_000
/** What is asked for once in so many ms is not worth its bytes. */
const admissionMs = 10_000
const mostAsked = 16_384
/** One entry takes no more than this share of the layer. */
const share = 64
const overheadBytes = 512

/**
 * The first level: hot answers in this process, at most one second old, never past their freshness, and never older than an
 * invalidation that this process was told of. It is a copy of what the store said and nothing is lost when it is emptied.
 */
export class MemoryLayer<T> {
  readonly #limitBytes: number
  readonly #clock: Clock
  readonly #live: () => boolean
  readonly #outcomes: Counter<'outcome'>
  readonly #held: LRUCache<string, Held<T>>
  readonly #outdated = new OutdatedNames()
  /** Monotonic ms at which the store last had it, of what may be admitted the next time. */
  readonly #asked: LRUCache<string, number>
  #life = 0

  constructor({ limitBytes, clock, live, outcomes }: MemoryLayerOptions) {
    this.#limitBytes = limitBytes
    this.#clock = clock
    this.#live = live
    this.#outcomes = outcomes
    this.#held = new LRUCache({ maxSize: limitBytes, sizeCalculation: ({ bytes }) => bytes })
    this.#asked = new LRUCache({ max: mostAsked })
  }

  get bytes(): number {
    return this.#held.calculatedSize
  }

  /** The value, if it may still be told. */
  get(namespace: string, key: string): T | undefined {
    if (!this.#isLive()) return this.#count('bypassed')
    const at = place(namespace, key)
    const held = this.#held.get(at)
    if (held === undefined) return this.#count('miss')
    if (this.#clock.monotonic() - held.readAtMs > longestMs || this.#clock.now() >= held.freshUntilMs) {
      this.#held.delete(at)
      return this.#count('miss')
    }
    if (!this.#isCurrent(held)) {
      this.#held.delete(at)
      return this.#count('outdated')
    }
    this.#count('hit')
    return held.value
  }

  /** To be taken before a value is read that will be offered: what is told meanwhile counts against it. */
  ticket(): Ticket {
    return { atMs: this.#clock.monotonic(), life: this.#life }
  }

  /** Takes a value that the store gave, the second time within ten seconds; refuses what is large, old or outdated. */
  offer(namespace: string, key: string, offered: Offered<T>): void {
    const { stamp, tags, freshUntilMs, ticket } = offered
    const bytes = offered.bytes + 2 * (namespace.length + key.length) + overheadBytes
    if (bytes * share > this.#limitBytes) return
    if (!this.#isLive() || ticket.life !== this.#life) return
    const at = place(namespace, key)
    const now = this.#clock.monotonic()
    const asked = this.#asked.get(at)
    this.#asked.set(at, now)
    if (asked === undefined || now - asked > admissionMs) return
    const about = { bytes, namespace, key, stamp, tags, freshUntilMs, readAtMs: ticket.atMs }
    if (!this.#outdated.isCurrent(about)) return void this.#count('outdated')
    this.#held.set(at, { ...about, value: offered.value(), checked: this.#outdated.told })
    this.#count('admitted')
  }

  /** The key was written or deleted: what is older than `stamp` is not told any more. */
  outdate(namespace: string, key: string, stamp: Stamp): void {
    this.#outdated.tellKey(namespace, key, stamp)
    const held = this.#held.peek(place(namespace, key))
    if (held !== undefined && held.stamp < stamp) this.#held.delete(place(namespace, key))
  }

  /** So was all that has this tag or scope. */
  invalidate(namespace: string, kind: 'tag' | 'scope', name: string, stamp: Stamp): void {
    this.#outdated.tell(namespace, kind, name, stamp)
  }

  /** So was all of the namespace. */
  bump(namespace: string, stamp: Stamp): void {
    this.#outdated.tellNamespace(namespace, stamp)
  }

  /** For whoever loses the channel of invalidations, or finds a gap in it: reads that are under way are not admitted either. */
  empty(): void {
    this.#life++
    this.#held.clear()
  }

  #isLive(): boolean {
    if (this.#live()) return true
    if (this.#held.size > 0) this.empty()
    return false
  }

  #isCurrent(held: Held<T>): boolean {
    // Nothing was told since: the usual case, and one comparison.
    if (held.checked === this.#outdated.told) return true
    held.checked = this.#outdated.told
    return this.#outdated.isCurrent(held)
  }

  #count(outcome: (typeof memoryOutcomes)[number]): undefined {
    this.#outcomes.inc({ outcome })
    return undefined
  }
}

/** A namespace has no slash, so no two pairs give one text. */
const place = (namespace: string, key: string): string => `${namespace}/${key}`
