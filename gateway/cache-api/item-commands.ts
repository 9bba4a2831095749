import type { Clock } from '#server-kit/clock.ts'
import {
  type CacheStore,
  type DeleteOutcome,
  type Hit,
  isGone,
  isStale,
  type Miss,
  noExpiry,
  type PutOptions,
  type PutOutcome,
  type Soft,
  type Stamp,
  type TouchOutcome,
  valueLimitBytes,
} from '../store/cache-store.ts'
import { tagBytes } from '../store/envelope.ts'
import type { StampClock } from '../store/stamp.ts'
import { count, counterText, readCounter } from './counter.ts'
import { KeyTurns } from './key-turns.ts'
import { type FillOptions, Leases, type LeaseTurn } from './leases.ts'

export interface ItemCommandsOptions {
  /** The outermost store: what is changed here reaches the other sites. */
  readonly store: CacheStore
  /** The zones of this site alone: a lease must not hold back another site. */
  readonly zones: CacheStore
  readonly stamps: StampClock
  readonly clock: Clock
  /** For one read, ms. */
  readonly deadlineMs: number
}

export interface CountOptions {
  /** Below 0 it counts down. Within 64 bits either way (`isCounterStep`). */
  readonly by: bigint
  /** What to begin with where there is no value; absent: nothing is begun. It is the result, `by` is not added. */
  readonly initial?: bigint
  /** Of what is begun; -1, the default: none. A value that is there keeps its own. */
  readonly ttlMs?: number
  /** Only the value with exactly this unique. */
  readonly ifStamp?: Stamp
}

export type CountOutcome =
  | { readonly kind: 'value'; readonly value: bigint; readonly stamp: Stamp; readonly ttlMs: number }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'not-a-number' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'failed' }

export interface ConcatOptions {
  readonly at: 'begin' | 'end'
  /** Only the value with exactly this unique. */
  readonly ifStamp?: Stamp
}

/** `too-large`: the value that is there stays as it is. */
export type ConcatOutcome =
  | { readonly kind: 'stored'; readonly stamp: Stamp }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'failed' }

type PutWords = Omit<PutOptions, 'stamp' | 'ifStamp'>

interface Change {
  readonly value: Buffer
  readonly put: PutWords
}

interface Changed {
  readonly kind: 'changed'
  readonly stamp: Stamp
  readonly ttlMs: number
}

/** What to write in the place of what was found, or why nothing. */
type Decide<Refusal extends string> = (found: Hit | Miss) => Change | Refusal

/** Against other processes; each lost turn is another one's success. */
const tries = 64
/** From the call on, waiting for its turn included, ms. */
const patienceMs = 1_000
const atOnce = 10_000

/**
 * What reads a value and writes another one in its place. Above compare-and-set, so that no driver knows of it and it is linear
 * for each key wherever that is. What it writes keeps the life, flags, types and tags of what was there, and stays stale if
 * that was. None of it throws. After `failed` the key has no value that it made: on doubt there is none.
 */
export class ItemCommands {
  readonly #options: ItemCommandsOptions
  readonly #turns = new KeyTurns(atOnce)
  readonly #leases: Leases

  constructor(options: ItemCommandsOptions) {
    this.#options = options
    this.#leases = new Leases(options)
  }

  /** Counts a decimal text as memcached does: 64 bits, round at the top, stopping at 0, never shorter than it was. */
  async incr(namespace: string, key: string, options: CountOptions): Promise<CountOutcome> {
    const { by, initial, ttlMs = noExpiry, ifStamp } = options
    let value = 0n
    const outcome = await this.#change<'not-found' | 'exists' | 'not-a-number'>(namespace, key, (found) => {
      if (found.kind === 'miss') {
        if (initial === undefined || ifStamp !== undefined) return 'not-found'
        value = initial
        return { value: counterText(value), put: { mode: 'add', ttlMs } }
      }
      // In memcached's order: an empty value is no number, whichever was meant.
      if (found.value.length > 0 && ifStamp !== undefined && unique(found) !== ifStamp) return 'exists'
      const before = readCounter(found.value)
      if (before === undefined) return 'not-a-number'
      value = count(before, by)
      return { value: counterText(value, found.value.length), put: this.#asBefore(found) }
    })
    return outcome.kind === 'changed' ? { ...outcome, kind: 'value', value } : outcome
  }

  /** Lengthens a value at either end. */
  async concat(namespace: string, key: string, bytes: Buffer, options: ConcatOptions): Promise<ConcatOutcome> {
    const { at, ifStamp } = options
    const outcome = await this.#change<'not-found' | 'exists' | 'too-large'>(namespace, key, (found) => {
      if (found.kind === 'miss') return 'not-found'
      if (ifStamp !== undefined && unique(found) !== ifStamp) return 'exists'
      const room = valueLimitBytes - (found.tags === undefined ? 0 : tagBytes(found.tags))
      if (found.value.length + bytes.length > room) return 'too-large'
      const value = Buffer.concat(at === 'end' ? [found.value, bytes] : [bytes, found.value])
      return { value, put: this.#asBefore(found) }
    })
    return outcome.kind === 'changed' ? { kind: 'stored', stamp: outcome.stamp } : outcome
  }

  /** The value; or the right to make it, for one caller in `ttlMs` (30 s at most); or word that another one has it. */
  lease(namespace: string, key: string, { ttlMs }: { readonly ttlMs: number }): Promise<LeaseTurn> {
    return this.#leases.take(namespace, key, ttlMs)
  }

  /** Stores what a lease was for. `lease-lost`: it ran out, or this is not its token. `older`: deleted meanwhile. */
  fill(namespace: string, key: string, value: Buffer, options: FillOptions): Promise<PutOutcome | 'lease-lost'> {
    return this.#leases.fill(namespace, key, value, options)
  }

  /**
   * Makes a value stale: it stays of use for `forMs`, as far as it lives that long. Where that cannot be done, and where there
   * is no value, it is deleted: what is still on its way from before must not be fresh either.
   */
  async softDelete(
    namespace: string,
    key: string,
    { forMs, ifStamp }: { readonly forMs: number; readonly ifStamp?: Stamp },
  ): Promise<DeleteOutcome> {
    const { store, stamps, clock } = this.#options
    let below: Stamp | undefined
    const outcome = await this.#change<'not-found' | 'exists'>(namespace, key, (found) => {
      if (found.kind === 'miss') return 'not-found'
      if (ifStamp !== undefined && unique(found) !== ifStamp) return 'exists'
      below = stamps.next()
      const soft = sooner(found.soft, { sinceMs: clock.now(), forMs })
      return { value: found.value, put: { ...this.#asBefore(found), soft } }
    })
    if (outcome.kind === 'exists') return 'older'
    if (outcome.kind === 'not-found' && ifStamp !== undefined) return 'not-found'
    if (outcome.kind !== 'changed' || below === undefined) return this.delete(namespace, key)
    // A value may be given up on its way to another site, or with the machine; an invalidation may not. A delete between the
    // old value and the stale one leaves the stale one alone, and makes certain of the old one.
    return (await store.delete(namespace, key, { stamp: below })) === 'failed' ? 'failed' : 'deleted'
  }

  /** Deletes what is there now, also if it came from a clock ahead of ours: who asks now is later. */
  async delete(namespace: string, key: string, { ifStamp }: { readonly ifStamp?: Stamp } = {}): Promise<DeleteOutcome> {
    const { store, stamps } = this.#options
    const condition = ifStamp === undefined ? {} : { ifStamp }
    const outcome = await store.delete(namespace, key, { stamp: stamps.next(), ...condition })
    if (outcome !== 'older') return outcome
    const found = await this.#read(namespace, key)
    if (ifStamp !== undefined && (found.kind === 'miss' || unique(found) !== ifStamp)) return 'older'
    return store.delete(namespace, key, { stamp: stamps.next(), ...condition })
  }

  /** Another life for a value. One that would have gone stale by itself is as good as new; one that is stale stays so. */
  async touch(
    namespace: string,
    key: string,
    { ttlMs, ifStamp }: { readonly ttlMs: number; readonly ifStamp?: Stamp },
  ): Promise<TouchOutcome> {
    const { store } = this.#options
    const found = await this.#read(namespace, key)
    if (found.kind === 'miss') return { kind: isGone(found.because) ? 'not-found' : 'failed' }
    if (ifStamp !== undefined && unique(found) !== ifStamp) return { kind: 'not-found' }
    if (found.soft === undefined) return store.touch(namespace, key, { ttlMs, ifStamp: unique(found) })
    const outcome = await this.#change<'not-found'>(namespace, key, (now) => {
      if (now.kind === 'miss' || (ifStamp !== undefined && unique(now) !== ifStamp)) return 'not-found'
      const { expiresAtMs: _, soft, ...put } = this.#asBefore(now)
      const stays = soft !== undefined && isStale(now, this.#options.clock.now()) ? { soft } : {}
      return { value: now.value, put: { ...put, ...stays, ttlMs } }
    })
    return outcome.kind === 'changed' ? { kind: 'touched', stamp: outcome.stamp } : outcome
  }

  /** Reads, decides, and writes only over what was read; again if another one was faster. */
  async #change<Refusal extends string>(namespace: string, key: string, decide: Decide<Refusal>) {
    const endsAt = this.#options.clock.monotonic() + patienceMs
    const turn = () => this.#changeInTurn(namespace, key, endsAt, decide)
    return (await this.#turns.take(`${namespace}/${key}`, turn)) ?? failed
  }

  async #changeInTurn<Refusal extends string>(
    namespace: string,
    key: string,
    endsAt: number,
    decide: Decide<Refusal>,
  ): Promise<Changed | { readonly kind: Refusal | 'failed' }> {
    const { store, stamps, clock } = this.#options
    for (let tried = 0; tried < tries && clock.monotonic() < endsAt; tried++) {
      const found = await this.#read(namespace, key)
      if (found.kind === 'miss' && !isGone(found.because)) return failed
      const change = decide(found)
      if (typeof change === 'string') return { kind: change }
      const stamp = stamps.next()
      const condition = found.kind === 'hit' ? { ifStamp: unique(found) } : {}
      const outcome = await store.put(namespace, key, change.value, { ...change.put, ...condition, stamp })
      if (outcome === 'stored') return { kind: 'changed', stamp, ttlMs: change.put.ttlMs }
      if (outcome === 'failed') {
        // It may be stored somewhere. Whoever asks again must not do it twice: on a tie the delete wins.
        await store.delete(namespace, key, { stamp })
        return failed
      }
    }
    return failed
  }

  /** All of it but the value. */
  #asBefore({ ttlMs, expiresAtMs, flags, contentType, contentEncoding, tags, soft }: Hit): PutWords {
    return {
      flags,
      ttlMs,
      // The moment, not what is left of it: that is rounded up, and what is counted on all the time would never end.
      ...(ttlMs === noExpiry ? {} : { expiresAtMs: expiresAtMs ?? this.#options.clock.now() + ttlMs }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
      ...(tags === undefined ? {} : { tags }),
      ...(soft === undefined ? {} : { soft }),
    }
  }

  async #read(namespace: string, key: string): Promise<Hit | Miss> {
    const { store, stamps, deadlineMs } = this.#options
    const found = await store.get(namespace, key, { deadlineMs })
    // What is written in its place must be newer, also where it came from a clock ahead of ours.
    if (found.stamp !== undefined) stamps.see(found.stamp)
    return found
  }
}

const failed = { kind: 'failed' } as const

/** What compare-and-set goes by. */
export const unique = ({ unique: own, stamp }: Hit): Stamp => own ?? stamp

/** The earlier beginning and the earlier end of two. */
function sooner(a: Soft | undefined, b: Soft): Soft {
  if (a === undefined) return b
  const sinceMs = Math.min(a.sinceMs, b.sinceMs)
  return { sinceMs, forMs: Math.max(0, Math.min(a.sinceMs + a.forMs, b.sinceMs + b.forMs) - sinceMs) }
}
