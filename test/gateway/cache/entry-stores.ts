import type { Table } from '#routes/table.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { EntryStore, type Remembered } from '../../../gateway/cache/entry-store.ts'
import type { Found, Lookup } from '../../../gateway/cache/found.ts'
import { cacheKey } from '../../../gateway/cache/key.ts'
import { MemoryLayer } from '../../../gateway/cache/memory-layer.ts'
import type { Entry, Freshness } from '../../../gateway/cache/policy/entry.ts'
import { tagsOf } from '../../../gateway/cache/tags.ts'
import type { CacheStore, MissReason, Stamp } from '../../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { type Asked, asked, cachedRoute, ofRoute, tableWith } from './asked.ts'
import { entryOf } from './entries.ts'

/** Processes with a store of answers, and requests for them, for tests of `EntryStore`. */

const table: Table = await tableWith(cachedRoute('/v1/orders/{id}', { tags: ['order:{id}'] }))

export const namespace = 'http-orders'

/** One process at a site, over a store that it may share with others. */
export function openProcess(shared?: { clock: HeldClock; zone: MemoryStore; stamps: StampClock }) {
  const clock = shared?.clock ?? new HeldClock()
  const stamps = shared?.stamps ?? new StampClock(clock, 1)
  const zone = shared?.zone ?? new MemoryStore({ zone: 'a', clock })
  const elsewhere = new MemoryStore({ zone: 'inner', clock })
  const reads: string[] = []
  const faults: { read?: MissReason; write?: 'failed' } = {}
  const outer: CacheStore = {
    prepare: (ns, tags) => zone.prepare(ns, tags),
    get: async (ns, key, options) => {
      reads.push(key)
      return faults.read === undefined ? zone.get(ns, key) : { kind: 'miss', because: faults.read, ...(options && {}) }
    },
    put: async (ns, key, value, put) => faults.write ?? zone.put(ns, key, value, put),
    delete: (ns, key, del) => zone.delete(ns, key, del),
    touch: (ns, key, touch) => zone.touch(ns, key, touch),
    invalidate: (ns, kind, name, options) => zone.invalidate(ns, kind, name, options),
    bump: (ns, options) => zone.bump(ns, options),
    health: () => zone.health(),
    close: () => zone.close(),
  }
  const outcomes = { inc: () => {}, forget: async () => {} }
  const memory = new MemoryLayer<Remembered>({ limitBytes: 1 << 20, clock, live: () => true, outcomes })
  const newStamp = () => stamps.next()
  const options = { outer, inner: elsewhere, newStamp, site: 'onprem', deadlineMs: 50, clock, memory }
  return { clock, stamps, zone, elsewhere, reads, faults, outer, memory, newStamp, store: new EntryStore(options) }
}

export function lookupFor(
  fields: Record<string, string> = {},
  facts: Partial<Lookup> = {},
  request: Asked = {},
): Lookup {
  const x = asked(table, { target: '/v1/orders/1', ...request })
  const { route, policy } = ofRoute(x)
  const tags = tagsOf(x, route, policy)
  if (tags === undefined) throw new Error('too many tags')
  return {
    key: cacheKey(x, route, policy),
    tags,
    host: 'api.example.com',
    linesOf: (name) => (fields[name] === undefined ? undefined : [fields[name]]),
    epoch: 3,
    memory: false,
    ...facts,
  }
}

export const answer = (text: string, stamp: Stamp, facts: Partial<Entry> = {}, freshness: Partial<Freshness> = {}) => ({
  entry: entryOf(facts, freshness),
  body: Buffer.from(text),
  stamp,
})
export const bodyOf = (found: Found) => (found.kind === 'entry' ? found.body.toString() : found.because)
export const german = { 'accept-language': 'de' }
export const english = { 'accept-language': 'en' }
export const byLanguage = { vary: ['accept-language'] }

/** As one request does that found nothing good: look, fetch, keep. */
export async function fill(
  { store, newStamp }: ReturnType<typeof openProcess>,
  lookup: Lookup,
  text: string,
  facts: Partial<Entry> = {},
) {
  const found = await store.look(lookup)
  return store.keep(lookup, found, answer(text, newStamp(), facts))
}
