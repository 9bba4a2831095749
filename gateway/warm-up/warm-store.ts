import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import {
  type CacheStore,
  type DeleteOptions,
  type DeleteOutcome,
  type GetOptions,
  type Hit,
  type InvalidateOptions,
  type ItemTags,
  isStale,
  type Miss,
  noExpiry,
  type PutOptions,
  type PutOutcome,
  type Stamp,
  type TouchOptions,
  type TouchOutcome,
  type ZoneHealth,
} from '../store/cache-store.ts'
import { stampMs } from '../store/stamp.ts'
import type { HitSample } from './hit-sample.ts'
import type { PullBudget } from './pull-budget.ts'
import type { PulledValue, PullPeer } from './pull-peer.ts'

export interface WarmStoreOptions {
  readonly outer: CacheStore
  /** The zones of this site: a copy from elsewhere is not shipped back. */
  readonly inner: Pick<CacheStore, 'put' | 'prepare'>
  /** Absent: there is no other site to ask. */
  readonly peer: PullPeer | undefined
  /** Namespaces whose misses are asked about without the caller's word. */
  readonly pulls: (namespace: string) => boolean
  readonly budget: PullBudget
  /** For asking the other site, ms. */
  readonly deadlineMs: number
  readonly sample: HitSample
  readonly newStamp: () => Stamp
  readonly clock: Clock
  readonly background: Background
  readonly told: (outcome: PullOutcome) => void
}

/** `no-budget`: too many misses at once to ask about this one. `absent`: the other site has none. */
export const pullOutcomes = ['pulled', 'absent', 'failed', 'no-budget'] as const
export type PullOutcome = (typeof pullOutcomes)[number]

/** A value that is about to expire is not worth its way, ms. */
const floorMs = 2_000
/** A stamp further ahead is of a clock that is: the alarm of clocks that differ begins there, too (S3). */
const aheadMs = 500

/**
 * In front of all: notes what is hit, so that another site can be compared with it, and asks the other site for what this one
 * lacks, where that is wanted. A pulled value is filled in by add, with its own stamp and what is left of its life: whatever was
 * invalidated here or is written meanwhile is newer than it.
 */
export class WarmStore implements CacheStore {
  readonly #options: WarmStoreOptions

  constructor(options: WarmStoreOptions) {
    this.#options = options
  }

  prepare(namespace: string, tags: ItemTags): Promise<void> {
    return this.#options.outer.prepare(namespace, tags)
  }

  async get(namespace: string, key: string, options: GetOptions): Promise<Hit | Miss> {
    const { outer, sample, peer, pulls, budget, clock, told } = this.#options
    const startedMs = clock.monotonic()
    const found = await outer.get(namespace, key, options)
    if (found.kind === 'hit') {
      if (!isStale(found, clock.now())) sample.note(namespace, key)
      return found
    }
    // What was deleted or invalidated here is not to be had elsewhere: the other site hears of it later than we.
    if (found.because !== 'absent' || peer === undefined) return found
    if (options.pull !== true && !pulls(namespace)) return found
    const leftMs = options.deadlineMs - (clock.monotonic() - startedMs)
    if (leftMs <= 0) return found
    if (!budget.take()) {
      told('no-budget')
      return found
    }
    return (await this.#pull(peer, namespace, key)) ?? found
  }

  put(namespace: string, key: string, value: Buffer, options: PutOptions): Promise<PutOutcome> {
    return this.#options.outer.put(namespace, key, value, options)
  }

  delete(namespace: string, key: string, options: DeleteOptions): Promise<DeleteOutcome> {
    return this.#options.outer.delete(namespace, key, options)
  }

  touch(namespace: string, key: string, options: TouchOptions): Promise<TouchOutcome> {
    return this.#options.outer.touch(namespace, key, options)
  }

  invalidate(namespace: string, kind: 'tag' | 'scope', name: string, options: InvalidateOptions) {
    return this.#options.outer.invalidate(namespace, kind, name, options)
  }

  bump(namespace: string, options: InvalidateOptions) {
    return this.#options.outer.bump(namespace, options)
  }

  health(): readonly ZoneHealth[] {
    return this.#options.outer.health()
  }

  close(): Promise<void> {
    return this.#options.outer.close()
  }

  async #pull(peer: PullPeer, namespace: string, key: string): Promise<Hit | undefined> {
    const { clock, background, newStamp, deadlineMs, told } = this.#options
    // Before the other site is asked: what is invalidated from here on, this site hears of by itself.
    const asOf = newStamp()
    const pulled = await peer.pull(namespace, key, deadlineMs)
    if (typeof pulled === 'string') {
      told(pulled)
      return undefined
    }
    const { stamp, expiresAtMs, value } = pulled
    const leftMs = expiresAtMs === 0 ? noExpiry : expiresAtMs - clock.now()
    const isWorthIt = leftMs === noExpiry || leftMs >= floorMs
    // Of a clock that is ahead: here it would be newer than what is written in the next minute.
    if (!isWorthIt || stampMs(stamp) > clock.now() + aheadMs) {
      told('absent')
      return undefined
    }
    told('pulled')
    background.run('fill in a pulled value', () => this.#fill(namespace, key, pulled, asOf, leftMs))
    return {
      kind: 'hit',
      ...carried(pulled),
      value,
      stamp,
      ttlMs: leftMs,
      zone: 'peer',
    }
  }

  async #fill(namespace: string, key: string, pulled: PulledValue, asOf: Stamp, leftMs: number): Promise<void> {
    const { value, stamp, expiresAtMs } = pulled
    await this.#options.inner.put(namespace, key, value, {
      ...carried(pulled),
      mode: 'add',
      stamp,
      asOf: asOf > stamp ? asOf : stamp,
      ttlMs: leftMs,
      ...(expiresAtMs === 0 ? {} : { expiresAtMs }),
    })
  }
}

/** What a value has beside its bytes and its life. */
const carried = ({ flags, contentType, contentEncoding, tags, soft }: PulledValue) => ({
  flags,
  ...(contentType === undefined ? {} : { contentType }),
  ...(contentEncoding === undefined ? {} : { contentEncoding }),
  ...(tags === undefined ? {} : { tags }),
  ...(soft === undefined ? {} : { soft }),
})
