import { hash } from 'node:crypto'
import type { Clock } from '#server-kit/clock.ts'
import {
  type CacheStore,
  type Hit,
  isGone,
  isStale,
  type PutOptions,
  type PutOutcome,
  type Stamp,
} from '../store/cache-store.ts'
import { makeStamp, type StampClock, stampMs } from '../store/stamp.ts'

export interface LeasesOptions {
  readonly store: CacheStore
  /** Where the leases lie: this site alone. */
  readonly zones: CacheStore
  readonly stamps: StampClock
  readonly clock: Clock
  /** For one read, ms. */
  readonly deadlineMs: number
}

/** `win`: make the value and `fill` it with the token; `stale`: what may be used meanwhile. `wait`: another one makes it. */
export type LeaseTurn =
  | { readonly kind: 'hit'; readonly hit: Hit }
  | { readonly kind: 'win'; readonly token: Stamp; readonly stale?: Hit }
  | { readonly kind: 'wait' }
  | { readonly kind: 'failed' }

export interface FillOptions extends Omit<PutOptions, 'stamp' | 'mode' | 'ifStamp'> {
  /** What `lease` gave: the value is as old as the lease, so whatever was deleted since stays deleted. */
  readonly token: Stamp
}

/** Nobody holds a key longer, ms. */
export const leaseLimitMs = 30_000
/** No client's, so that a lease is never somebody's value (`mayUse`). */
const leaseNamespace = 'tidegate-leases'
const held = Buffer.from('held')
const failed = { kind: 'failed' } as const
/** A lease that was released by a clock ahead of ours is seen at the first look, and taken at the second. */
const looks = 3

/**
 * Of the value that a lease is for: as old as the moment of the lease allows, the first stamp of its millisecond. A delete that
 * another process makes in that millisecond may count lower than the lease, and must be newer than the value all the same.
 */
export const fillStamp = (token: Stamp): Stamp => makeStamp(stampMs(token), 0, 0)

/**
 * The right to make a value, for one caller of a site at a time: an item whose stamp is the token. The value that is made is
 * as old as the moment at which its making began (`fillStamp`), so any delete since then is newer.
 */
export class Leases {
  readonly #options: LeasesOptions

  constructor(options: LeasesOptions) {
    this.#options = options
  }

  async take(namespace: string, key: string, ttlMs: number): Promise<LeaseTurn> {
    const { stamps, clock, zones } = this.#options
    const found = await this.#read(namespace, key)
    if (found.kind === 'miss' && !isGone(found.because)) return failed
    const stale = found.kind === 'hit' ? found : undefined
    if (stale !== undefined && !isStale(stale, clock.now())) return { kind: 'hit', hit: stale }
    const token = await this.#claim(leaseName(namespace, key), Math.min(ttlMs, leaseLimitMs), found.stamp)
    if (token === 'failed') return stale === undefined ? failed : { kind: 'hit', hit: stale }
    if (token === 'taken') return stale === undefined ? { kind: 'wait' } : { kind: 'hit', hit: stale }
    // Whoever had it before may have filled between our look and our claim.
    const again = await this.#read(namespace, key)
    if (again.kind === 'miss' || isStale(again, clock.now()))
      return { kind: 'win', token, ...(stale === undefined ? {} : { stale }) }
    await zones.delete(leaseNamespace, leaseName(namespace, key), { stamp: stamps.next(), ifStamp: token })
    return { kind: 'hit', hit: again }
  }

  async fill(namespace: string, key: string, value: Buffer, options: FillOptions): Promise<PutOutcome | 'lease-lost'> {
    const { store, zones, stamps } = this.#options
    const { token, ...put } = options
    const name = leaseName(namespace, key)
    const claim = await this.#hold(name, token)
    if (claim === 'failed') return 'failed'
    if (claim === 'lost') {
      // The same fill sent again, its first answer lost on the way.
      const found = await this.#read(namespace, key)
      return found.kind === 'hit' && found.stamp === fillStamp(token) ? 'stored' : 'lease-lost'
    }
    const outcome = await store.put(namespace, key, value, { ...put, stamp: fillStamp(token) })
    await zones.delete(leaseNamespace, name, { stamp: stamps.next(), ifStamp: claim })
    return outcome
  }

  /** `seen`: of what is there, or took the value away. A lease from before that is for a value that nobody may have any more. */
  async #claim(name: string, ttlMs: number, seen: Stamp | undefined): Promise<Stamp | 'taken' | 'failed'> {
    const { zones, stamps, deadlineMs } = this.#options
    for (let look = 0; look < looks; look++) {
      const token = stamps.next()
      const added = await zones.put(leaseNamespace, name, held, { mode: 'add', ttlMs, stamp: token })
      if (added === 'stored') return token
      if (added === 'failed') return 'failed'
      const lease = await zones.get(leaseNamespace, name, { deadlineMs })
      if (lease.stamp !== undefined) stamps.see(lease.stamp)
      if (lease.kind === 'miss') continue
      if (seen === undefined || lease.stamp > seen) return 'taken'
      const fresh = stamps.next()
      const swapped = await zones.put(leaseNamespace, name, held, { ifStamp: lease.stamp, ttlMs, stamp: fresh })
      if (swapped === 'stored') return fresh
      if (swapped === 'failed') return 'failed'
    }
    return 'taken'
  }

  /** Takes the lease over for the time of the fill, so that its token is good once. The store decides, so no forged one is. */
  async #hold(name: string, token: Stamp): Promise<Stamp | 'lost' | 'failed'> {
    const { zones, stamps, deadlineMs } = this.#options
    for (let look = 0; look < looks; look++) {
      const stamp = stamps.next()
      const outcome = await zones.put(leaseNamespace, name, held, { ifStamp: token, ttlMs: leaseLimitMs, stamp })
      if (outcome === 'stored') return stamp
      if (outcome === 'failed') return 'failed'
      if (outcome !== 'older') return 'lost'
      const lease = await zones.get(leaseNamespace, name, { deadlineMs })
      if (lease.stamp !== undefined) stamps.see(lease.stamp)
    }
    return 'failed'
  }

  async #read(namespace: string, key: string) {
    const { store, stamps, deadlineMs } = this.#options
    const found = await store.get(namespace, key, { deadlineMs })
    // All of its millisecond: what a lease from now on is for must be newer.
    if (found.stamp !== undefined) stamps.see(makeStamp(stampMs(found.stamp), 0xfff, 0xff))
    return found
  }
}

/** A key may be as long as a key can be. */
const leaseName = (namespace: string, key: string): string => `${namespace}/${hash('sha256', key, 'base64url')}`
