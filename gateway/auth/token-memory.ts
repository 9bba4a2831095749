import { LRUCache } from 'lru-cache'
import type { Caller } from '#routes/messages.ts'
import type { Recalled } from './token-store.ts'

export interface TokenMemoryOptions {
  /** Callers that are kept; a tenth as many names that nobody has. */
  readonly entries: number
  /** Bound of what callers take together, bytes, counted by their texts. Default 32 MiB. */
  readonly bytes?: number
}

interface Kept {
  readonly caller: Caller
  /** Monotonic ms. */
  readonly untilMs: number
}

/** A look-up that is on its way to the store. */
export interface Asking {
  readonly name: string
  /** An invalidation came meanwhile: the answer may be of before it, and must not be kept. */
  overtaken: boolean
  answer: Promise<Caller | undefined> | undefined
}

/** The last bound of an entry's age, whatever was missed. */
export const longestMs = 60_000
/** For so long a name stays unknown without a new look. */
export const unknownMs = 5_000

/**
 * What is known of credentials, by name, and what is being asked. Pure: time is an argument, and whoever owns it says when
 * something is no longer true. Bounded: a flood of guesses meets a map of its own and evicts nobody who is known.
 */
export class TokenMemory {
  readonly #entries: number
  readonly #bytes: number
  #known: LRUCache<string, Kept>
  readonly #unknown: LRUCache<string, number>
  readonly #asking = new Map<string, Asking>()

  constructor({ entries, bytes = 32 * 1024 * 1024 }: TokenMemoryOptions) {
    this.#entries = entries
    this.#bytes = bytes
    this.#known = this.#empty()
    this.#unknown = new LRUCache({ max: Math.max(1, Math.ceil(entries / 10)) })
  }

  get size(): number {
    return this.#known.size
  }

  get unknownSize(): number {
    return this.#unknown.size
  }

  /** `now`: ms since 1970, for the caller's own end. */
  recall(name: string, monotonicMs: number, now: number): Recalled {
    const kept = this.#known.get(name)
    if (kept !== undefined) {
      if (monotonicMs < kept.untilMs && (kept.caller.expiresAt === undefined || kept.caller.expiresAt > now))
        return kept.caller
      this.#known.delete(name)
      return undefined
    }
    const untilMs = this.#unknown.get(name)
    return untilMs !== undefined && monotonicMs < untilMs ? 'unknown' : undefined
  }

  /** The look-up of that name that later ones may share; undefined = none. */
  asking(name: string): Asking | undefined {
    return this.#asking.get(name)
  }

  /** To be called before the question leaves. */
  begin(name: string): Asking {
    const asking: Asking = { name, overtaken: false, answer: undefined }
    // Only one look-up of a name is told of changes: of an older one nothing is kept.
    const older = this.#asking.get(name)
    if (older !== undefined) older.overtaken = true
    this.#asking.set(name, asking)
    return asking
  }

  /** `ttlMs` bounds the age where the store forgets by itself; undefined `caller` = nobody. */
  end(asking: Asking, caller: Caller | undefined, askedMs: number, ttlMs = longestMs): void {
    this.abandon(asking)
    if (asking.overtaken) return
    if (caller === undefined) this.#unknown.set(asking.name, askedMs + unknownMs)
    else {
      this.#unknown.delete(asking.name)
      this.#known.set(asking.name, { caller, untilMs: askedMs + Math.min(ttlMs, longestMs) })
    }
  }

  abandon(asking: Asking): void {
    if (this.#asking.get(asking.name) === asking) this.#asking.delete(asking.name)
  }

  /** What was known of that name is no longer true; who asks from now on asks anew. */
  forget(name: string): void {
    this.#known.delete(name)
    this.#unknown.delete(name)
    const asking = this.#asking.get(name)
    if (asking === undefined) return
    asking.overtaken = true
    this.#asking.delete(name)
  }

  /** Nothing is true any more. Gives away what was, for a policy of grace. */
  clear(): ReadonlyBefore {
    const before = this.#known
    this.#known = this.#empty()
    this.#unknown.clear()
    for (const asking of this.#asking.values()) asking.overtaken = true
    this.#asking.clear()
    return before
  }

  #empty(): LRUCache<string, Kept> {
    return new LRUCache({ max: this.#entries, maxSize: this.#bytes, sizeCalculation: sizeOf })
  }
}

/** What was known at the moment at which a memory was cleared. */
export interface ReadonlyBefore {
  get(name: string): { readonly caller: Caller } | undefined
  delete(name: string): boolean
}

/** About what an entry takes: its texts, and what the engine needs around them. */
function sizeOf({ caller }: Kept, name: string): number {
  let size = 256 + name.length + caller.consumer.length
  for (const scope of caller.scopes) size += 16 + scope.length
  return size
}
