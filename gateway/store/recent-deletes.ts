import type { Clock } from '#server-kit/clock.ts'
import { tombstoneTtlMs } from './apply-if-newer.ts'
import type { Stamp } from './cache-store.ts'
import { stampMs } from './stamp.ts'

/** Deletes of so long are dropped together, ms: what is dropped costs one look, not one an entry. */
const sliceMs = 2 * 60_000
/** A slice is kept until even its last delete is as old as a tombstone becomes, ms. */
const keptMs = sliceMs + tombstoneTtlMs
/** A stamp this far ahead of our clock is somebody's mistake: one key pays for it, not all, ms. */
const believedAheadMs = 60_000
const defaultLimit = 8 * 1024 * 1024

/** `deleted`: by a delete that is as new or newer. `unknown`: it is so old that such a delete may have been forgotten. */
export type Lateness = 'in-time' | 'deleted' | 'unknown'

export interface RecentDeletesOptions {
  readonly clock: Clock
  /** Deletes, at most; default 8 M, of about 32 bytes each while there is room to find them. */
  readonly limit?: number
}

/**
 * The deletes of the last 15 minutes that this process brought to the zones. A zone short of memory evicts tombstones like
 * anything else, and a write that comes late would then bring a deleted value back: each store is judged here first. What
 * had to be forgotten is known by its newest stamp, so that what is older than that counts as unknown.
 */
export class RecentDeletes {
  readonly #clock: Clock
  readonly #limit: number
  /** Newest first. */
  readonly #slices: Slice[] = []
  #size = 0
  #forgotten: Stamp = 0n

  constructor({ clock, limit = defaultLimit }: RecentDeletesOptions) {
    this.#clock = clock
    this.#limit = limit
  }

  get size(): number {
    return this.#size
  }

  note(namespace: string, key: string, stamp: Stamp): void {
    const now = this.#clock.now()
    const slice = this.#current(now)
    this.#size += slice.note(mix(namespace, key), low, high, stamp)
    if (stamp > slice.newest && stampMs(stamp) - now <= believedAheadMs) slice.newest = stamp
    while (this.#size > this.#limit) this.#forgetOldest()
  }

  judge(namespace: string, key: string, stamp: Stamp): Lateness {
    if (stamp <= this.#forgotten) return 'unknown'
    if (this.#size === 0) return 'in-time'
    const at = mix(namespace, key)
    for (const slice of this.#slices) if (slice.find(at, low, high) >= stamp) return 'deleted'
    return 'in-time'
  }

  #current(now: number): Slice {
    const newest = this.#slices[0]
    if (newest !== undefined && now - newest.sinceMs < sliceMs) return newest
    const slice = new Slice(now)
    this.#slices.unshift(slice)
    while (now - (this.#slices.at(-1) ?? slice).sinceMs >= keptMs) this.#forgetOldest()
    return slice
  }

  #forgetOldest(): void {
    const oldest = this.#slices.pop()
    if (oldest === undefined) return
    this.#size -= oldest.size
    if (oldest.newest > this.#forgotten) this.#forgotten = oldest.newest
  }
}

/** Words of one entry: two of the hash, two of the stamp. A stamp of 0 marks a free place. */
const words = 4

/** Open addressing over one typed array: 16 bytes an entry, nothing for the collector to walk. */
class Slice {
  readonly sinceMs: number
  newest: Stamp = 0n
  size = 0
  #mask = 63
  #table = new Uint32Array(64 * words)

  constructor(sinceMs: number) {
    this.sinceMs = sinceMs
  }

  /** How many entries it has more than before: 0 for a key that it had. */
  note(at: number, lowHash: number, highHash: number, stamp: Stamp): 0 | 1 {
    const place = this.#place(at, lowHash, highHash)
    const held = this.#stampAt(place)
    if (stamp > held) this.#write(place, lowHash, highHash, Number(stamp >> 32n), Number(stamp & 0xffffffffn))
    if (held !== 0n || stamp === 0n) return 0
    this.size++
    if (this.size * 2 > this.#mask) this.#grow()
    return 1
  }

  /** 0: not there. */
  find(at: number, lowHash: number, highHash: number): Stamp {
    return this.size === 0 ? 0n : this.#stampAt(this.#place(at, lowHash, highHash))
  }

  /** Of this key, or the free one where it would be. */
  #place(at: number, lowHash: number, highHash: number): number {
    const table = this.#table
    for (let index = at & this.#mask; ; index = (index + 1) & this.#mask) {
      const place = index * words
      if (table[place + 2] === 0 && table[place + 3] === 0) return place
      if (table[place] === lowHash && table[place + 1] === highHash) return place
    }
  }

  #stampAt(place: number): Stamp {
    const upper = this.#table[place + 2] as number
    const lower = this.#table[place + 3] as number
    return upper === 0 && lower === 0 ? 0n : (BigInt(upper) << 32n) | BigInt(lower)
  }

  #write(place: number, lowHash: number, highHash: number, upper: number, lower: number): void {
    this.#table[place] = lowHash
    this.#table[place + 1] = highHash
    this.#table[place + 2] = upper
    this.#table[place + 3] = lower
  }

  #grow(): void {
    const before = this.#table
    this.#mask = this.#mask * 2 + 1
    this.#table = new Uint32Array((this.#mask + 1) * words)
    for (let from = 0; from < before.length; from += words) {
      const [lowHash, highHash, upper, lower] = [before[from], before[from + 1], before[from + 2], before[from + 3]]
      if (lowHash === undefined || highHash === undefined || upper === undefined || lower === undefined) return
      if (upper === 0 && lower === 0) continue
      this.#write(this.#place(lowHash, lowHash, highHash), lowHash, highHash, upper, lower)
    }
  }
}

/** The hash that `mix` made last: two numbers cannot be given back without an object for them. */
let low = 0
let high = 0

/** 64 bits over `<namespace>/<key>`. Two keys with one hash: a write that comes late to the one is refused for the other. */
function mix(namespace: string, key: string): number {
  low = 0x811c9dc5
  high = 0x9747b28c
  take(namespace)
  take('/')
  take(key)
  low = finish(low ^ (high >>> 15))
  high = finish(high + low)
  return low
}

function take(text: string): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x5bd1e995) + 1
  }
}

/** Finalizer of MurmurHash3. */
function finish(value: number): number {
  let h = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
