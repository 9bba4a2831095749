import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'
import type { CacheStore, Hit, Stamp } from '../../../gateway/store/cache-store.ts'
import { noExpiry } from '../../../gateway/store/cache-store.ts'
import { stampMs } from '../../../gateway/store/stamp.ts'
import { later } from '../../../gateway/store/tag-record.ts'
import { keyUse, namespaceAt, placeOf, tagAt, tagName, tagsOf } from './key-space.ts'
import type { KnownWrites } from './known-writes.ts'
import { hearValue, tellValue, toldFlags } from './told-value.ts'

/** incr of a counter; the stamp is that of its new value. */
export type Increment = (namespace: string, key: string, by: bigint) => Promise<Stamp | undefined>

export interface WorkloadOptions {
  readonly store: CacheStore
  readonly newStamp: () => Stamp
  /** The true time. */
  readonly clock: Clock
  readonly random: Random
  readonly keys: number
  /** Absent: counters are left alone. */
  readonly increment?: Increment
  /** What was acknowledged at this site: filled here, and held against each read. */
  readonly own: KnownWrites
  /** What the other site acknowledged, and says that this one has applied. */
  readonly told: KnownWrites
  /** Strategies without stamps: the store gives its own, and only the value tells its version. */
  readonly stampsOfItsOwn: boolean
  /** How far the clocks of the two sites have been apart, ms. */
  readonly skewMs: () => number
  /** A life was given to a key, by a write or a touch: it may last until then, true Unix ms; 0: for ever. */
  readonly lives: (index: number, untilMs: number) => void
  readonly found: (violation: Violation) => void
}

export const violationKinds = ['lost invalidation', 'resurrected', 'stale value', 'life grew', 'invented'] as const

export interface Violation {
  readonly kind: (typeof violationKinds)[number]
  readonly index: number
  /** What was read, and what it must not be below. */
  readonly text: string
}

export interface WorkloadCounts {
  writes: number
  acknowledged: number
  invalidations: number
  failed: number
  reads: number
  hits: number
}

const tickMs = 5
/** Operations under way: a zone that is away must not stop the others' work. */
const underWayLimit = 96
const deadlineMs = 100
/** memcached counts in whole seconds, and what is left is told rounded up to one. */
export const lifeToleranceMs = 2_000

/** Random writes and reads of one site, and the eyes of its clients. */
export class Workload {
  readonly counts: WorkloadCounts = { writes: 0, acknowledged: 0, invalidations: 0, failed: 0, reads: 0, hits: 0 }
  readonly #options: WorkloadOptions
  readonly #underWay = new Set<Promise<void>>()
  /** For each key the newest bound below which it was seen to have nothing. */
  readonly #seenGone: BigUint64Array
  #timer: NodeJS.Timeout | undefined

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.#seenGone = new BigUint64Array(options.keys)
  }

  start({ writesPerSecond, readsPerSecond }: { writesPerSecond: number; readsPerSecond: number }): void {
    const begun = performance.now()
    const sent = { writes: 0, reads: 0 }
    this.#timer = setInterval(() => {
      const seconds = (performance.now() - begun) / 1000
      sent.writes = this.#upTo(writesPerSecond * seconds, sent.writes, () => this.#write())
      sent.reads = this.#upTo(readsPerSecond * seconds, sent.reads, () => this.#read())
    }, tickMs)
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#underWay)
  }

  /** What cannot begin because too much is under way is left out, not put off. */
  #upTo(due: number, sent: number, work: () => Promise<void>): number {
    for (let at = sent; at < due; at++) {
      if (this.#underWay.size >= underWayLimit) break
      const one = work().finally(() => this.#underWay.delete(one))
      this.#underWay.add(one)
    }
    return Math.ceil(due)
  }

  #index(): number {
    const { random, keys } = this.#options
    // A few keys are hot: that is where writes of two sites meet.
    return Math.floor(keys * random.next() * random.next())
  }

  async #write(): Promise<void> {
    const { random, increment } = this.#options
    const index = this.#index()
    const share = random.next()
    const use = keyUse(index)
    this.counts.writes++
    if (share < 0.0005) return this.#bump(index)
    if (share < 0.01 && tagAt(index) !== undefined) return this.#invalidateTag(index)
    if (share < 0.25) return this.#delete(index)
    if (use === 'counter') return increment === undefined ? undefined : this.#increment(index, increment)
    if (use === 'touched' && share < 0.6) return this.#touch(index)
    if (share < 0.35) return this.#swap(index)
    if (share < 0.38) return this.#deleteIf(index)
    if (share < 0.42) return this.#put(index, { mode: 'add' })
    if (share < 0.46) return this.#put(index, { mode: 'replace' })
    return this.#put(index, {})
  }

  async #put(index: number, how: { mode?: 'add' | 'replace'; ifStamp?: Stamp }): Promise<void> {
    const { store, newStamp, clock, random, own, lives } = this.#options
    const { namespace, key } = placeOf(index)
    const tags = tagsOf(index)
    const forEver = keyUse(index) === 'plain' && random.next() < 0.2
    const ttlMs = forEver ? noExpiry : 5_000 + Math.floor(random.next() * 120_000)
    const version = newStamp()
    const untilMs = ttlMs === noExpiry ? 0 : Math.ceil(clock.now() + ttlMs)
    const value = tellValue({ index, version, untilMs }, this.#size())
    lives(index, untilMs)
    const flags = toldFlags(version)
    const outcome = await store.put(namespace, key, value, {
      ttlMs,
      stamp: version,
      flags,
      ...how,
      ...(tags === undefined ? {} : { tags }),
    })
    this.#count(outcome)
    if (outcome === 'stored') own.stored(index, version)
  }

  async #swap(index: number): Promise<void> {
    const hit = await this.#look(index)
    if (hit !== undefined) await this.#put(index, { ifStamp: hit.stamp })
  }

  async #delete(index: number, ifStamp?: Stamp): Promise<void> {
    const { store, newStamp, own } = this.#options
    const { namespace, key } = placeOf(index)
    const stamp = newStamp()
    const outcome = await store.delete(namespace, key, { stamp, ...(ifStamp === undefined ? {} : { ifStamp }) })
    this.#count(outcome)
    const holds = outcome === 'deleted' || (outcome === 'not-found' && ifStamp === undefined)
    if (holds) this.#invalidated(() => own.deleted(index, stamp))
  }

  async #deleteIf(index: number): Promise<void> {
    const hit = await this.#look(index)
    if (hit !== undefined) await this.#delete(index, hit.stamp)
  }

  async #touch(index: number): Promise<void> {
    const { store, clock, random, lives } = this.#options
    const { namespace, key } = placeOf(index)
    const ttlMs = 5_000 + Math.floor(random.next() * 120_000)
    lives(index, Math.ceil(clock.now() + ttlMs))
    const { kind } = await store.touch(namespace, key, { ttlMs })
    this.#count(kind)
  }

  async #increment(index: number, increment: Increment): Promise<void> {
    const { namespace, key } = placeOf(index)
    const stamp = await increment(namespace, key, this.#options.random.next() < 0.8 ? 1n : -1n)
    this.#count(stamp === undefined ? 'failed' : 'stored')
    if (stamp !== undefined) this.#options.own.stored(index, stamp)
  }

  async #invalidateTag(index: number): Promise<void> {
    const { store, newStamp, own } = this.#options
    const tag = tagAt(index) ?? 0
    const stamp = newStamp()
    const outcome = await store.invalidate(placeOf(index).namespace, 'tag', tagName(tag), { stamp })
    this.#count(outcome)
    if (outcome === 'applied') this.#invalidated(() => own.tagInvalidated(namespaceAt(index), tag, stamp))
  }

  async #bump(index: number): Promise<void> {
    const { store, newStamp, own } = this.#options
    const stamp = newStamp()
    const outcome = await store.bump(placeOf(index).namespace, { stamp })
    this.#count(outcome)
    if (outcome === 'applied') this.#invalidated(() => own.bumped(namespaceAt(index), stamp))
  }

  async #read(): Promise<void> {
    await this.#look(this.#index())
  }

  /** Reads as a client does, and holds what comes against what was acknowledged before it was asked for. */
  async #look(index: number): Promise<Hit | undefined> {
    const { store, clock, own, told } = this.#options
    const { namespace, key } = placeOf(index)
    const invalidatedBelow = later(own.invalidatedBelow(index), told.invalidatedBelow(index))
    const replacedBelow = own.replacedBelow(index)
    const askedAtMs = clock.now()
    const answer = await store.get(namespace, key, { deadlineMs })
    this.counts.reads++
    if (answer.kind === 'miss') {
      this.#sawGone(index, invalidatedBelow)
      return undefined
    }
    this.counts.hits++
    const version = this.#versionOf(index, answer, askedAtMs)
    if (version === undefined) return answer
    if (version < invalidatedBelow) {
      const again = (this.#seenGone[index] ?? 0n) >= invalidatedBelow
      const by = (own.invalidatedBelow(index) === invalidatedBelow ? own : told).invalidatedBy(index)
      const where = own.invalidatedBelow(index) === invalidatedBelow ? 'here' : 'there'
      this.#found(
        again ? 'resurrected' : 'lost invalidation',
        index,
        `${answer.zone}: ${stampText(version)}, ${by} ${where} < ${stampText(invalidatedBelow)}`,
      )
    } else {
      this.#sawGone(index, invalidatedBelow)
      if (version < replacedBelow)
        this.#found('stale value', index, `${answer.zone}: ${stampText(version)} < ${stampText(replacedBelow)}`)
    }
    return answer
  }

  #versionOf(index: number, hit: Hit, askedAtMs: number): Stamp | undefined {
    const { stampsOfItsOwn } = this.#options
    if (keyUse(index) === 'counter') {
      if (/^\d{1,20} *$/.test(hit.value.toString('latin1'))) return stampsOfItsOwn ? undefined : hit.stamp
      return this.#found('invented', index, `${hit.zone}: not a number`)
    }
    const told = hearValue(hit.value, hit.flags)
    const isItself = told?.index === index && (stampsOfItsOwn || told.version === hit.stamp)
    if (told === undefined || !isItself) return this.#found('invented', index, `${hit.zone}: stamp ${hit.stamp}`)
    // Those that are touched are looked at when it is known who touched them.
    const mayLiveMs = told.untilMs - askedAtMs + lifeToleranceMs + this.#options.skewMs()
    const isLonger = told.untilMs > 0 && (hit.ttlMs === noExpiry || hit.ttlMs > mayLiveMs)
    if (isLonger && keyUse(index) === 'plain')
      this.#found('life grew', index, `${hit.zone}: ${hit.ttlMs} of ${Math.round(told.untilMs - askedAtMs)} ms`)
    return told.version
  }

  #sawGone(index: number, below: Stamp): void {
    if (below > (this.#seenGone[index] ?? 0n)) this.#seenGone[index] = below
  }

  #found(kind: Violation['kind'], index: number, text: string): undefined {
    this.#options.found({ kind, index, text })
    return undefined
  }

  #invalidated(know: () => void): void {
    this.counts.invalidations++
    know()
  }

  #count(outcome: string): void {
    if (outcome === 'failed') this.counts.failed++
    else this.counts.acknowledged++
  }

  #size(): number {
    const share = this.#options.random.next()
    return Math.floor(share < 0.01 ? 20_000 : share < 0.1 ? 4_000 * share * 10 : 1_000 * share)
  }
}

/** Seconds of the day, counter and writer: enough to find it in the logs. */
export function stampText(stamp: Stamp): string {
  const ms = stampMs(stamp)
  return `${new Date(ms).toISOString().slice(11, 23)}+${(stamp >> 8n) & 0xfffn}w${stamp & 0xffn}`
}
