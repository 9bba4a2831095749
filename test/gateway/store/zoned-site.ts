import { Background } from '#server-kit/background.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import type { CacheStore, GetOptions, Hit, Miss, MissReason, ZoneHealth } from '../../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { LoneZoneState } from '../../../gateway/store/shared-zone-state-lone.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { later } from '../../../gateway/store/tag-record.ts'
import type { WriteAck } from '../../../gateway/store/write-ack.ts'
import { ZonedStore } from '../../../gateway/store/zoned-store.ts'
import type { ZonedStoreOptions } from '../../../gateway/store/zoned-store-options.ts'

export const deadlineMs = 50
export const hourMs = 60 * 60_000
export const text = (value: string): Buffer => Buffer.from(value)

/** A zone in memory that can stop answering or forget, and counts what it is asked. */
export class FaultyZone extends MemoryStore {
  keeps?: (namespace: string) => boolean
  fails: MissReason | undefined
  silent = false
  startedAt: number | undefined
  reads = 0

  override async get(namespace: string, key: string, _options?: GetOptions): Promise<Hit | Miss> {
    this.reads++
    return this.fails === undefined ? super.get(namespace, key) : { kind: 'miss', because: this.fails }
  }
  override async put(...args: Parameters<CacheStore['put']>) {
    if (this.silent) return new Promise<never>(() => undefined)
    return this.fails === undefined ? super.put(...args) : 'failed'
  }
  override async delete(...args: Parameters<CacheStore['delete']>) {
    return this.fails === undefined ? super.delete(...args) : 'failed'
  }
  override async invalidate(...args: Parameters<CacheStore['invalidate']>) {
    return this.fails === undefined ? super.invalidate(...args) : 'failed'
  }
  override async bump(...args: Parameters<CacheStore['bump']>) {
    return this.fails === undefined ? super.bump(...args) : 'failed'
  }
  override async touch(...args: Parameters<CacheStore['touch']>) {
    return this.fails === undefined ? super.touch(...args) : ({ kind: 'failed' } as const)
  }
  override startedAtMs(): number {
    return this.startedAt ?? super.startedAtMs()
  }
  override health(): readonly ZoneHealth[] {
    return [{ zone: this.zone, state: this.fails === undefined ? 'up' : 'suspect', owed: 0 }]
  }
}

/** What the processes of a site tell one another, as a test wants it. */
export class ToldState extends LoneZoneState {
  override informed = true
  answers = true
  readonly log: string[] = []
  readonly unread = new Set<string>()
  readonly floors = new Map<string, bigint>()

  override async owes(zone?: string): Promise<boolean> {
    this.log.push(`owes ${zone}`)
    return this.answers
  }
  override settled(zone?: string): void {
    this.log.push(`settled ${zone}`)
  }
  override async raise(zone: string): Promise<boolean> {
    this.log.push(`raise ${zone}`)
    return this.answers
  }
  override mayRead(zone: string): boolean {
    return !this.unread.has(zone)
  }
  override floor(zone: string): bigint {
    return later(this.floors.get(zone) ?? 0n, this.floors.get('*') ?? 0n)
  }
}

export function site(writeAck: WriteAck = 'quorum', nowMs = 0) {
  const clock = new HeldClock(nowMs)
  const background = new Background(silentLog)
  const stamps = new StampClock(clock, 1)
  const near = new FaultyZone({ zone: 'near', clock })
  const far = new FaultyZone({ zone: 'far', clock })
  const newStamp = () => stamps.next()
  const shared = new ToldState(newStamp)
  const silent = new Set<string>()
  const options: ZonedStoreOptions = {
    zones: [near, far],
    writeAck,
    clock,
    background,
    log: silentLog,
    newStamp,
    shared,
    mayRead: (namespace) => !silent.has(namespace),
    owedLimit: 100,
  }
  const store = new ZonedStore(options)
  const put = (key: string, value: string, ttlMs = -1) =>
    store.put('shop', key, text(value), { stamp: stamps.next(), ttlMs })
  const read = async (key: string, from: CacheStore = store): Promise<string> => {
    const found = await from.get('shop', key, { deadlineMs })
    return found.kind === 'hit' ? `${found.value} from ${found.zone}` : found.because
  }
  clock.advance(hourMs)
  return { clock, background, stamps, near, far, shared, silent, options, store, put, read }
}

/** As a node does that is short of memory. */
export async function loseAll(zone: MemoryStore): Promise<void> {
  for (let i = 0; i < 80; i++) await zone.put('flood', `${i}`, Buffer.alloc(1_000_000), { stamp: 1n, ttlMs: -1 })
}
