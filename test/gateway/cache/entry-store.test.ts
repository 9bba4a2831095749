import { describe, expect, it } from 'vitest'
import type { FoundEntry, FoundNone, Lookup } from '../../../gateway/cache/found.ts'
import type { Entry, Freshness } from '../../../gateway/cache/policy/entry.ts'
import { encodeEntry } from '../../../gateway/cache/stored-entry.ts'
import { valueLimitBytes } from '../../../gateway/store/cache-store.ts'
import { answer, bodyOf, byLanguage, english, fill, german, lookupFor, namespace, openProcess } from './entry-stores.ts'

describe('stored answers', () => {
  it('Cache S8: are found as they were kept, with the site and the stamp of their fetch', async () => {
    const process = openProcess()
    const lookup = lookupFor()
    const stamp = process.newStamp()
    const headers = ['Set-Cookie', 'a', 'X-Odd', '\xe9\xff', 'Set-Cookie', 'b', 'X-Empty', '']

    const kept = await process.store.keep(lookup, await process.store.look(lookup), answer('hello', stamp, { headers }))
    const found = (await process.store.look(lookup)) as FoundEntry

    expect(kept).toBe('stored')
    expect(found.entry.headers).toEqual(headers)
    expect(found).toMatchObject({ kind: 'entry', stamp, zone: 'a', site: 'onprem', epoch: 3, variant: undefined })
    expect(bodyOf(found)).toBe('hello')
  })

  it('are found in one trip without a Vary', async () => {
    const process = openProcess()
    await fill(process, lookupFor(), 'hello')
    process.reads.length = 0

    await process.store.look(lookupFor())

    expect(process.reads).toHaveLength(1)
  })

  it('are written without a look before it where one has just found nothing, and only there', async () => {
    const process = openProcess()
    const hints: (boolean | undefined)[] = []
    const { put } = process.outer
    process.outer.put = (namespace, key, value, options) => {
      hints.push(options.unseen)
      return put(namespace, key, value, options)
    }

    await fill(process, lookupFor(), 'hello')
    await fill(process, lookupFor(), 'again')
    await process.zone.bump(namespace, { stamp: process.newStamp() })
    process.faults.read = 'invalidated'
    await fill(process, lookupFor(), 'bumped')

    expect(hints).toEqual([true, undefined, undefined])
  })

  it('Cache K1: of another clear key under the same hash are a miss', async () => {
    const process = openProcess()
    const lookup = lookupFor()
    await fill(process, lookup, 'theirs')
    const other = { ...lookup, key: { ...lookup.key, clear: `${lookup.key.clear}!` } }

    expect(bodyOf(await process.store.look(other))).toBe('uri-miss')
    await fill(process, lookup, 'varied', byLanguage)
    expect(bodyOf(await process.store.look({ ...other, linesOf: lookup.linesOf }))).toBe('uri-miss')
  })

  it('of the first release are a clean miss, and make room', async () => {
    const process = openProcess()
    const lookup = lookupFor()
    const head = Buffer.from(JSON.stringify([1, 200, 'OK', 0, []]))
    const old = Buffer.concat([Buffer.from([0, 0, 0, head.length]), head, Buffer.from('old')])
    await process.zone.put(namespace, lookup.key.text, old, { ttlMs: 60_000, stamp: process.newStamp() })

    expect(bodyOf(await process.store.look(lookup))).toBe('uri-miss')
    expect(await fill(process, lookup, 'new', byLanguage)).toBe('stored')
    expect(bodyOf(await process.store.look(lookup))).toBe('new')
  })

  it.each(['timeout', 'refused', 'closed', 'protocol', 'overload', 'unreadable'] as const)(
    'Cache X1: that cannot be read (%s) are a miss with its reason',
    async (because) => {
      const process = openProcess()
      await fill(process, lookupFor(), 'hello')
      process.faults.read = because

      expect(await process.store.look(lookupFor())).toMatchObject({ kind: 'none', because: 'failed', detail: because })
    },
  )

  it.each(['absent', 'expired', 'tombstone', 'invalidated', 'tag-missing'] as const)(
    'Cache X1: that are known not to be there (%s) are an ordinary miss',
    async (because) => {
      const process = openProcess()
      process.faults.read = because

      expect(await process.store.look(lookupFor())).toMatchObject({
        kind: 'none',
        because: 'uri-miss',
        detail: because,
      })
    },
  )

  it('Cache X1: that cannot be written are told as such', async () => {
    const process = openProcess()
    process.faults.write = 'failed'

    expect(await fill(process, lookupFor(), 'hello')).toBe('failed')
    expect(await fill(process, lookupFor(), 'hello', byLanguage)).toBe('failed')
  })

  it('are not kept when they are larger than the store takes, of no use, or tagged beyond what can be purged', async () => {
    const process = openProcess()
    const lookup = lookupFor()
    const none = await process.store.look(lookup)
    const stamp = process.newStamp()
    const tags = Array.from({ length: 40 }, (_, at) => `g:${at}`)

    expect(await process.store.keep(lookup, none, answer('x'.repeat(valueLimitBytes), stamp))).toBe('too-large')
    expect(await process.store.keep(lookup, none, answer('x', stamp, {}, { lifetimeS: 0 }))).toBe('no-lifetime')
    expect(await process.store.keep(lookup, none, answer('x', stamp, { tags }))).toBe('too-many-tags')
    expect(bodyOf(await process.store.look(lookup))).toBe('uri-miss')
  })

  it('never take the place of what a later fetch brought', async () => {
    const process = openProcess()
    const lookup = lookupFor()
    const none = await process.store.look(lookup)
    const early = process.newStamp()
    await process.store.keep(lookup, none, answer('later', process.newStamp()))

    expect(await process.store.keep(lookup, none, answer('early', early))).toBe('older')
    expect(bodyOf(await process.store.look(lookup))).toBe('later')
  })

  it.each(['t:order:1', 't:shoes', 'g:|cart', 'g:api.example.com|cart'])(
    'Cache N2: are gone with their tag %s, and only what was fetched after it is found',
    async (tag) => {
      const process = openProcess()
      const lookup = lookupFor()
      const before = process.newStamp()
      await fill(process, lookup, 'old', { tags: ['t:shoes', 'g:cart'] })

      await process.zone.invalidate(namespace, 'tag', tag, { stamp: process.newStamp() })

      const none = await process.store.look(lookup)
      expect(none).toMatchObject({ kind: 'none', because: 'uri-miss', detail: 'invalidated' })
      // Cache U6: a fetch that began before the purge.
      await process.store.keep(lookup, none, answer('older', before, { tags: ['t:shoes', 'g:cart'] }))
      expect(bodyOf(await process.store.look(lookup))).toBe('uri-miss')
      await fill(process, lookup, 'new', { tags: ['t:shoes', 'g:cart'] })
      expect(bodyOf(await process.store.look(lookup))).toBe('new')
    },
  )

  it('Cache N3: stay gone when purges come twice and in another order', async () => {
    const process = openProcess()
    const lookup = lookupFor()
    const first = process.newStamp()
    await fill(process, lookup, 'old')
    const second = process.newStamp()

    for (const stamp of [second, first, second]) await process.zone.invalidate(namespace, 'tag', 't:order:1', { stamp })

    expect(bodyOf(await process.store.look(lookup))).toBe('uri-miss')
    await fill(process, lookup, 'new')
    await process.zone.invalidate(namespace, 'tag', 't:order:1', { stamp: second })
    expect(bodyOf(await process.store.look(lookup))).toBe('new')
  })

  it.each(['p:api.example.com/v1', 'r:orders:*:/v1/orders/{id}'])(
    'Cache N2: are gone with their scope %s, every variant of them',
    async (scope) => {
      const process = openProcess()
      await fill(process, lookupFor(german), 'Hallo', byLanguage)
      await fill(process, lookupFor(english), 'Hello', byLanguage)

      await process.zone.invalidate(namespace, 'scope', scope, { stamp: process.newStamp() })

      expect(bodyOf(await process.store.look(lookupFor(german)))).toBe('vary-miss')
      expect(((await process.store.look(lookupFor(english))) as FoundNone).variants).toEqual([])
    },
  )

  it('Cache U1: say when they were softly invalidated', async () => {
    const process = openProcess()
    await fill(process, lookupFor(), 'hello')

    await process.zone.invalidate(namespace, 'tag', 't:order:1', { stamp: process.newStamp(), softMs: 30_000 })

    expect(await process.store.look(lookupFor())).toMatchObject({ kind: 'entry', soft: { forMs: 30_000 } })
  })

  it('Cache E2: that are failures are for this site alone, and a miss under another epoch', async () => {
    const process = openProcess()
    const lookup = lookupFor()
    const none = await process.store.look(lookup)
    const failure = answer('no', process.newStamp(), { status: 404, negative: true }, { lifetimeS: 5 })
    await process.store.keep(lookup, none, failure)
    expect(await process.zone.get(namespace, lookup.key.text)).toMatchObject({ kind: 'miss' })

    // The zones of this site are below both.
    const value = await process.elsewhere.get(namespace, lookup.key.text)
    expect(value.kind).toBe('hit')
    if (value.kind === 'hit')
      await process.zone.put(namespace, lookup.key.text, value.value, { ttlMs: 5_000, stamp: value.stamp })
    expect(bodyOf(await process.store.look(lookup))).toBe('no')
    expect(bodyOf(await process.store.look({ ...lookup, epoch: 4 }))).toBe('uri-miss')
  })

  it('that guests asked for stay at this site, variants too, and what they find wrong is dropped here alone', async () => {
    const process = openProcess()
    const [plain, german_] = [
      lookupFor({}, { guest: true }),
      lookupFor(german, { guest: true }, { target: '/v1/orders/2' }),
    ]
    await fill(process, plain, 'of a guest')
    await fill(process, german_, 'eines Gastes', byLanguage)
    for (const { key } of [plain, german_]) {
      expect(await process.zone.get(namespace, key.text)).toMatchObject({ kind: 'miss' })
      expect(await process.elsewhere.get(namespace, key.text)).toMatchObject({ kind: 'hit' })
    }

    await fill(process, lookupFor(), 'of everybody')
    const found = (await process.store.look(plain)) as FoundEntry
    await process.store.drop(plain, found, process.newStamp())
    expect(bodyOf(await process.store.look(lookupFor()))).toBe('of everybody')
  })

  it('that guests asked for are not kept where another site would pull them', async () => {
    const process = openProcess()
    const lookup = lookupFor({}, { guest: true, pull: true })

    expect(await fill(process, lookup, 'of a guest')).toBe('of-a-guest')
    expect(await fill(process, lookupFor(german, { guest: true, pull: true }), 'eines Gastes', byLanguage)).toBe(
      'of-a-guest',
    )
    expect(await process.elsewhere.get(namespace, lookup.key.text)).toMatchObject({ kind: 'miss' })
  })

  it('are removed by what they were found as, and not when something newer is there', async () => {
    const process = openProcess()
    const lookup = lookupFor()
    await fill(process, lookup, 'old')
    const old = (await process.store.look(lookup)) as FoundEntry
    await fill(process, lookup, 'new')

    expect(await process.store.drop(lookup, old, process.newStamp())).toBe('older')
    expect(bodyOf(await process.store.look(lookup))).toBe('new')
    expect(await process.store.drop(lookup, (await process.store.look(lookup)) as FoundEntry, process.newStamp())).toBe(
      'deleted',
    )
    expect(bodyOf(await process.store.look(lookup))).toBe('uri-miss')
  })
})

describe('answers recalled from memory', () => {
  const mine = (fields: Record<string, string> = {}) => lookupFor(fields, { memory: true })
  async function lookTwice({ store }: ReturnType<typeof openProcess>, lookup: Lookup) {
    await store.look(lookup)
    await store.look(lookup)
  }

  it('are those that were found twice, with and without a Vary, as a copy', async () => {
    const process = openProcess()
    await fill(process, mine(german), 'Hallo', byLanguage)
    expect(process.store.recall(mine(german))).toBeUndefined()
    await lookTwice(process, mine(german))

    const recalled = process.store.recall(mine(german))
    expect(recalled?.body.toString()).toBe('Hallo')
    expect(recalled?.body.buffer.byteLength).toBe('Hallo'.length)
    expect(process.store.recall(mine(english))).toBeUndefined()
    expect(process.store.recall(lookupFor(german))).toBeUndefined()
  })

  it('are none of another clear key', async () => {
    const process = openProcess()
    const lookup = mine()
    await fill(process, lookup, 'hello')
    await lookTwice(process, lookup)

    expect(process.store.recall(lookup)).toBeDefined()
    expect(process.store.recall({ ...lookup, key: { ...lookup.key, clear: 'other' } })).toBeUndefined()
  })

  it('are none that this process has replaced, removed or heard to be purged', async () => {
    const process = openProcess()
    const lookup = mine()
    for (const change of [
      async () => void (await fill(process, lookup, 'new')),
      async () => {
        const found = (await process.store.look(lookup)) as FoundEntry
        await process.store.drop(lookup, found, process.newStamp())
      },
      async () => process.memory.invalidate(namespace, 'tag', 't:order:1', process.newStamp()),
      async () => process.memory.bump(namespace, process.newStamp()),
    ]) {
      await fill(process, lookup, 'hello')
      await lookTwice(process, lookup)
      expect(process.store.recall(lookup)).toBeDefined()

      await change()

      expect(process.store.recall(lookup)).toBeUndefined()
    }
  })

  it('are purged by the tags of the request where the store tells none', async () => {
    const process = openProcess()
    const lookup = mine()
    const value = encodeEntry({ ...lookup.key, ...answer('x', 0n), selects: [], site: 's', epoch: 3 })
    await process.zone.put(namespace, lookup.key.text, value, { ttlMs: 60_000, stamp: process.newStamp() })
    await lookTwice(process, lookup)
    expect(process.store.recall(lookup)).toBeDefined()

    process.memory.invalidate(namespace, 'tag', 't:order:1', process.newStamp())

    expect(process.store.recall(lookup)).toBeUndefined()
  })

  it('are neither failures, nor stale, nor softly invalidated, nor to be validated first', async () => {
    const process = openProcess()
    const lookup = mine()
    const stored = async (facts: Partial<Entry>, freshness: Partial<Freshness> = {}) => {
      const value = encodeEntry({
        ...lookup.key,
        ...answer('x', 0n, facts, freshness),
        selects: [],
        site: 's',
        epoch: 3,
      })
      await process.zone.put(namespace, lookup.key.text, value, {
        ttlMs: 60_000,
        stamp: process.newStamp(),
        tags: lookup.tags,
      })
      await lookTwice(process, lookup)
      return process.store.recall(lookup)
    }

    expect(await stored({ negative: true })).toBeUndefined()
    expect(await stored({}, { lifetimeS: 0, staleWhileRevalidateS: 60 })).toBeUndefined()
    expect(await stored({}, { validateAlways: true })).toBeUndefined()
    expect(await stored({})).toBeDefined()
    process.clock.advance(1_001)
    await process.zone.invalidate(namespace, 'tag', 't:order:1', { stamp: process.newStamp(), softMs: 30_000 })
    await lookTwice(process, lookup)
    expect(process.store.recall(lookup)).toBeUndefined()
  })
})
