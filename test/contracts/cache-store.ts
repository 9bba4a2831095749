/** What every CacheStore promises, whatever it stands on. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CacheStore, keyLimitBytes, valueLimitBytes } from '../../gateway/store/cache-store.ts'
import { makeStamp } from '../../gateway/store/stamp.ts'

export interface CacheStoreContract {
  /** A store for one test; it may be shared when keys are not. */
  readonly make: () => CacheStore | Promise<CacheStore>
  readonly skip?: readonly { readonly test: string; readonly reason: string }[]
}

const deadlineMs = 1_000
const namespace = 'shop'
let keys = 0
const newKey = (): string => `key-${++keys}`
const text = (value: string): Buffer => Buffer.from(value)

/** Rises with `n`, from the beginning of the test on: stamps older than the store's connections are a case of their own. */
let base = 0
const stamp = (n: number): bigint => makeStamp(base + n, 0, 7)

export function cacheStoreContract(name: string, { make, skip = [] }: CacheStoreContract): void {
  const skipped = new Map(skip.map(({ test, reason }) => [test, reason]))
  const promise = (sentence: string, check: (store: CacheStore) => Promise<void>): void => {
    it.skipIf(skipped.has(sentence))(sentence, async () => {
      const store = await make()
      base = Date.now()
      await check(store)
    })
  }
  const read = async (store: CacheStore, key: string): Promise<string | undefined> => {
    const found = await store.get(namespace, key, { deadlineMs })
    return found.kind === 'hit' ? found.value.toString() : undefined
  }

  describe(`${name} keeps the promises of a cache store`, () => {
    promise('a key that nobody wrote is absent', async (store) => {
      expect(await store.get(namespace, newKey(), { deadlineMs })).toEqual({ kind: 'miss', because: 'absent' })
    })

    promise('value, flags, content type and stamp come back as they were written', async (store) => {
      const key = newKey()
      const value = Buffer.from(Array.from({ length: 1024 }, (_, i) => i % 256))

      const outcome = await store.put(namespace, key, value, {
        stamp: stamp(1),
        ttlMs: 60_000,
        flags: 0xffffffff,
        contentType: 'text/plain; charset=utf-8',
      })

      expect(outcome).toBe('stored')
      const found = await store.get(namespace, key, { deadlineMs })
      expect(found).toMatchObject({ kind: 'hit', flags: 0xffffffff, stamp: stamp(1) })
      expect(found).toMatchObject({ contentType: 'text/plain; charset=utf-8' })
      if (found.kind === 'hit') {
        expect(found.value.equals(value)).toBe(true)
        expect(found.ttlMs).toBeGreaterThan(55_000)
        expect(found.ttlMs).toBeLessThanOrEqual(60_000)
      }
    })

    promise('an empty value is a value, and without a time to live it stays', async (store) => {
      const key = newKey()
      await store.put(namespace, key, Buffer.alloc(0), { stamp: stamp(1), ttlMs: -1 })

      expect(await store.get(namespace, key, { deadlineMs })).toMatchObject({ kind: 'hit', ttlMs: -1, flags: 0 })
    })

    promise('a time to live above 30 days is not taken for a date', async (store) => {
      const key = newKey()
      const ttlMs = 31 * 24 * 3600 * 1000
      await store.put(namespace, key, text('long'), { stamp: stamp(1), ttlMs })

      const found = await store.get(namespace, key, { deadlineMs })
      expect(found.kind === 'hit' && found.ttlMs > ttlMs - 10_000 && found.ttlMs <= ttlMs + 1_000).toBe(true)
    })

    promise('an older write never replaces a newer one', async (store) => {
      const key = newKey()
      await store.put(namespace, key, text('new'), { stamp: stamp(2), ttlMs: -1 })

      expect(await store.put(namespace, key, text('old'), { stamp: stamp(1), ttlMs: -1 })).toBe('older')
      expect(await store.delete(namespace, key, { stamp: stamp(1) })).toBe('older')
      expect(await read(store, key)).toBe('new')
    })

    promise('the same write twice is the same as once', async (store) => {
      const key = newKey()
      const put = { stamp: stamp(1), ttlMs: -1 }

      expect(await store.put(namespace, key, text('x'), put)).toBe('stored')
      expect(await store.put(namespace, key, text('x'), put)).toBe('stored')
      expect(await store.delete(namespace, key, { stamp: stamp(2) })).toBe('deleted')
      expect(await store.delete(namespace, key, { stamp: stamp(2) })).toBe('not-found')
      expect(await read(store, key)).toBeUndefined()
    })

    promise('a delete keeps out the older write that comes after it', async (store) => {
      const key = newKey()

      expect(await store.delete(namespace, key, { stamp: stamp(2) })).toBe('not-found')
      expect(await store.put(namespace, key, text('late'), { stamp: stamp(1), ttlMs: -1 })).toBe('older')
      expect(await store.get(namespace, key, { deadlineMs })).toMatchObject({ kind: 'miss', because: 'tombstone' })
      expect(await store.put(namespace, key, text('next'), { stamp: stamp(3), ttlMs: -1 })).toBe('stored')
      expect(await read(store, key)).toBe('next')
    })

    promise('a delete with the stamp of the value removes it: on a tie the delete wins', async (store) => {
      const key = newKey()
      await store.put(namespace, key, text('x'), { stamp: stamp(1), ttlMs: -1 })

      expect(await store.delete(namespace, key, { stamp: stamp(1) })).toBe('deleted')
      expect(await store.put(namespace, key, text('x'), { stamp: stamp(1), ttlMs: -1 })).toBe('older')
    })

    promise('add stores only where no value is, also after a delete', async (store) => {
      const key = newKey()
      const add = (n: number) => store.put(namespace, key, text(`${n}`), { stamp: stamp(n), ttlMs: -1, mode: 'add' })

      expect(await add(1)).toBe('stored')
      expect(await add(2)).toBe('exists')
      await store.delete(namespace, key, { stamp: stamp(4) })
      expect(await add(3)).toBe('older')
      expect(await add(5)).toBe('stored')
      expect(await read(store, key)).toBe('5')
    })

    promise('replace stores only where a value is', async (store) => {
      const key = newKey()
      const replace = (n: number) =>
        store.put(namespace, key, text(`${n}`), { stamp: stamp(n), ttlMs: -1, mode: 'replace' })

      expect(await replace(1)).toBe('absent')
      await store.put(namespace, key, text('2'), { stamp: stamp(2), ttlMs: -1 })
      expect(await replace(3)).toBe('stored')
      await store.delete(namespace, key, { stamp: stamp(4) })
      expect(await replace(5)).toBe('absent')
    })

    promise('compare and set changes only the value that was read', async (store) => {
      const key = newKey()
      const swap = (n: number, ifN: number) =>
        store.put(namespace, key, text(`${n}`), { stamp: stamp(n), ttlMs: -1, ifStamp: stamp(ifN) })

      expect(await swap(2, 1)).toBe('absent')
      await store.put(namespace, key, text('1'), { stamp: stamp(1), ttlMs: -1 })
      expect(await swap(3, 2)).toBe('exists')
      expect(await swap(4, 1)).toBe('stored')
      expect(await swap(5, 1)).toBe('exists')
      expect(await store.delete(namespace, key, { stamp: stamp(6), ifStamp: stamp(1) })).toBe('older')
      expect(await store.delete(namespace, key, { stamp: stamp(7), ifStamp: stamp(4) })).toBe('deleted')
      expect(await store.delete(namespace, key, { stamp: stamp(8), ifStamp: stamp(4) })).toBe('not-found')
    })

    promise('of many who compare and set at once exactly one succeeds', async (store) => {
      const key = newKey()
      await store.put(namespace, key, text('1'), { stamp: stamp(1), ttlMs: -1 })

      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          store.put(namespace, key, text(`${i}`), { stamp: stamp(10 + i), ttlMs: -1, ifStamp: stamp(1) }),
        ),
      )

      expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1)
    })

    promise('odd, long and foreign-script keys are kept apart', async (store) => {
      const odd = [
        'a b',
        'a\r\nb',
        '~x',
        '~',
        'ключ',
        '\u{1F511}',
        'a/../b',
        'a//b',
        '%2F',
        '\u0000',
        '\ufeff',
        '\ufffd',
      ]
      const long = 'k'.repeat(keyLimitBytes)
      const all = [...odd, long, `${long.slice(1)}l`].map((key) => ({ key, value: text(`value of ${key}`) }))
      for (const { key, value } of all) {
        expect(await store.put(namespace, key, value, { stamp: stamp(1), ttlMs: -1 })).toBe('stored')
      }

      for (const { key } of all) expect(await read(store, key)).toBe(`value of ${key}`)
      expect((await store.get('other', long, { deadlineMs })).kind).toBe('miss')
    })

    promise('what cannot be a key is a miss and not stored', async (store) => {
      for (const key of ['', 'k'.repeat(keyLimitBytes + 1), 'lone \ud800']) {
        expect(await store.put(namespace, key, text('x'), { stamp: stamp(1), ttlMs: -1 })).toBe('failed')
        expect((await store.get(namespace, key, { deadlineMs })).kind).toBe('miss')
      }
      expect(await store.put('No_Namespace', 'k', text('x'), { stamp: stamp(1), ttlMs: -1 })).toBe('failed')
    })

    promise('the largest value fits, and one that is larger takes the old one away', async (store) => {
      const key = `${newKey()} with a long key ${'k'.repeat(900)}`
      const largest = Buffer.alloc(valueLimitBytes, 'v')
      expect(
        await store.put(namespace, key, largest, { stamp: stamp(1), ttlMs: -1, contentType: 'c'.repeat(255) }),
      ).toBe('stored')
      expect((await store.get(namespace, key, { deadlineMs })).kind).toBe('hit')

      const larger = Buffer.alloc(valueLimitBytes + 4096, 'v')
      expect(await store.put(namespace, key, larger, { stamp: stamp(2), ttlMs: -1 })).toBe('failed')
      expect((await store.get(namespace, key, { deadlineMs })).kind).toBe('miss')
      expect(await store.put(namespace, key, text('fits'), { stamp: stamp(3), ttlMs: -1 })).toBe('stored')
    })

    promise('any permutation of the same writes, with repetitions, ends in the state of the newest', async (store) => {
      const write = fc.record({ n: fc.integer({ min: 0, max: 20 }), isDelete: fc.boolean() })
      const writes = fc.uniqueArray(write, { minLength: 1, maxLength: 6, selector: ({ n }) => n })
      const history = writes.chain((all) =>
        fc.record({
          all: fc.constant(all),
          order: fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 }),
        }),
      )
      await fc.assert(
        fc.asyncProperty(history, async ({ all, order }) => {
          const key = newKey()
          for (const { n, isDelete } of order) {
            if (isDelete) await store.delete(namespace, key, { stamp: stamp(n) })
            else await store.put(namespace, key, text(`${n}`), { stamp: stamp(n), ttlMs: 60_000 })
          }

          const newest = all.reduce((a, b) => (a.n > b.n ? a : b))
          expect(await read(store, key)).toBe(newest.isDelete ? undefined : `${newest.n}`)
        }),
        { numRuns: 100 },
      )
    })

    const tagged = (store: CacheStore, key: string, n: number, exact: readonly string[], scopes: string[] = []) =>
      store.put(namespace, key, text(`${n}`), { stamp: stamp(n), ttlMs: 60_000, tags: { exact, scopes } })
    const state = async (store: CacheStore, key: string, named?: readonly string[]): Promise<string> => {
      const tags = named === undefined ? {} : { tags: { exact: named, scopes: [] } }
      const found = await store.get(namespace, key, { deadlineMs, ...tags })
      return found.kind === 'miss' ? found.because : found.soft === undefined ? 'hit' : 'stale'
    }

    promise('tags come back as they were written', async (store) => {
      const key = newKey()
      const tags = { exact: ['u:abc', 't:größe'], scopes: ['r:orders', 'p:api.example.com/a/'] }
      await store.put(namespace, key, text('x'), { stamp: stamp(1), ttlMs: 60_000, tags })

      expect(await store.get(namespace, key, { deadlineMs })).toMatchObject({ kind: 'hit', tags })
      expect(await store.get(namespace, key, { deadlineMs, tags })).toMatchObject({ kind: 'hit', tags })
    })

    promise('invalidating a tag takes every older item that has it, and no other', async (store) => {
      const [a, b, c] = [newKey(), newKey(), newKey()]
      const [one, two] = [`one-${a}`, `two-${a}`]
      await tagged(store, a, 1, [one])
      await tagged(store, b, 2, [two, one])
      await tagged(store, c, 3, [two])

      expect(await store.invalidate(namespace, 'tag', one, { stamp: stamp(4) })).toBe('applied')

      expect([await state(store, a), await state(store, b), await state(store, c)]).toEqual([
        'invalidated',
        'invalidated',
        'hit',
      ])
      expect(await state(store, a, [one])).toBe('invalidated')
      expect(await tagged(store, a, 5, [one])).toBe('stored')
      expect([await state(store, a), await state(store, a, [one]), await state(store, a, [two])]).toEqual([
        'hit',
        'hit',
        'hit',
      ])
    })

    promise('a fill that began before an invalidation and arrives after it is not served', async (store) => {
      const key = newKey()
      await tagged(store, newKey(), 1, [key])
      await store.invalidate(namespace, 'tag', key, { stamp: stamp(3) })
      await tagged(store, key, 2, [key])

      expect(await state(store, key)).toBe('invalidated')
    })

    promise('an invalidation that comes twice, or late, changes nothing', async (store) => {
      const key = newKey()
      await tagged(store, key, 1, [key])
      await store.invalidate(namespace, 'tag', key, { stamp: stamp(3) })
      await tagged(store, key, 4, [key])

      for (const n of [3, 2]) expect(await store.invalidate(namespace, 'tag', key, { stamp: stamp(n) })).toBe('applied')
      expect(await state(store, key)).toBe('hit')
    })

    promise('invalidating a scope takes what lies in it, and nothing beside it', async (store) => {
      const [a, b] = [newKey(), newKey()]
      await tagged(store, a, 1, [a], [`p:${a}`])
      await tagged(store, b, 1, [b], [`p:${b}`])

      await store.invalidate(namespace, 'scope', `p:${a}`, { stamp: stamp(2) })

      expect([await state(store, a), await state(store, b)]).toEqual(['invalidated', 'hit'])
      // A tag and a scope of one name are two.
      await store.invalidate(namespace, 'tag', `p:${b}`, { stamp: stamp(3) })
      expect(await state(store, b)).toBe('hit')
    })

    promise('a soft invalidation leaves the item, stale since then and for as long as was said', async (store) => {
      const key = newKey()
      await tagged(store, key, 1, [key])

      await store.invalidate(namespace, 'tag', key, { stamp: stamp(2), softMs: 30_000 })

      expect(await store.get(namespace, key, { deadlineMs })).toMatchObject({
        kind: 'hit',
        soft: { sinceMs: base + 2, forMs: 30_000 },
      })
      await tagged(store, key, 3, [key])
      expect(await state(store, key)).toBe('hit')
      await store.invalidate(namespace, 'tag', key, { stamp: stamp(4), softMs: 0 })
      await store.invalidate(namespace, 'tag', key, { stamp: stamp(4) })
      expect(await state(store, key)).toBe('invalidated')
    })

    promise(
      'a value that was put stale says so, and of two beginnings and two ends it has the earlier',
      async (store) => {
        const [key, tag] = [newKey(), newKey()]
        const soft = { sinceMs: base + 3, forMs: 40_000 }
        const put = { stamp: stamp(1), ttlMs: 60_000, tags: { exact: [tag], scopes: [] } }
        expect(await store.put(namespace, key, text('stale'), { ...put, soft })).toBe('stored')

        expect(await store.get(namespace, key, { deadlineMs })).toMatchObject({ kind: 'hit', stamp: stamp(1), soft })
        await store.invalidate(namespace, 'tag', tag, { stamp: stamp(2), softMs: 60_000 })
        expect(await store.get(namespace, key, { deadlineMs })).toMatchObject({
          soft: { sinceMs: base + 2, forMs: 40_001 },
        })
        const over = { ...put, stamp: stamp(4), soft: { sinceMs: base - 2_000, forMs: 1_000 } }
        expect(await store.put(namespace, key, text('of no use'), over)).toBe('stored')
        expect(await store.get(namespace, key, { deadlineMs })).toMatchObject({ kind: 'miss' })
      },
    )

    promise('a touch gives the very value another life, and no other one', async (store) => {
      const key = newKey()
      const put = { stamp: stamp(1), ttlMs: 60_000, flags: 7, contentType: 'a/b' }
      expect(await store.touch(namespace, key, { ttlMs: 500_000 })).toEqual({ kind: 'not-found' })
      await store.put(namespace, key, text('kept'), put)

      expect(await store.touch(namespace, key, { ttlMs: 500_000, ifStamp: stamp(2) })).toEqual({ kind: 'not-found' })
      expect(await store.get(namespace, key, { deadlineMs })).toMatchObject({ ttlMs: expect.closeTo(58_000, -4) })
      expect(await store.touch(namespace, key, { ttlMs: 500_000, ifStamp: stamp(1) })).toEqual({
        kind: 'touched',
        stamp: stamp(1),
      })

      const found = await store.get(namespace, key, { deadlineMs })
      expect(found).toMatchObject({ kind: 'hit', stamp: stamp(1), flags: 7, contentType: 'a/b' })
      expect(found.kind === 'hit' && [found.value.toString(), found.ttlMs > 490_000]).toEqual(['kept', true])
      await store.delete(namespace, key, { stamp: stamp(2) })
      expect(await store.touch(namespace, key, { ttlMs: -1 })).toEqual({ kind: 'not-found' })
      expect((await store.get(namespace, key, { deadlineMs })).kind).toBe('miss')
    })

    promise('a bump takes the whole namespace, items without tags too, and no other namespace', async (store) => {
      const [plain, other] = [newKey(), newKey()]
      const put = (ns: string, key: string, n: number) =>
        store.put(ns, key, text(`${n}`), { stamp: stamp(n), ttlMs: 60_000 })
      await put('bumped', plain, 1)
      await put('beside', other, 1)

      expect(await store.bump('bumped', { stamp: stamp(3) })).toBe('applied')

      expect(await store.get('bumped', plain, { deadlineMs })).toMatchObject({ kind: 'miss', because: 'invalidated' })
      expect((await store.get('beside', other, { deadlineMs })).kind).toBe('hit')
      expect(await put('bumped', plain, 2)).toBe('older')
      expect((await store.get('bumped', plain, { deadlineMs })).kind).toBe('miss')
      expect(await put('bumped', plain, 4)).toBe('stored')
      expect((await store.get('bumped', plain, { deadlineMs })).kind).toBe('hit')
      await store.bump('bumped', { stamp: stamp(5), softMs: 60_000 })
      expect(await store.get('bumped', plain, { deadlineMs })).toMatchObject({ soft: { forMs: 60_000 } })
    })

    promise('an invalidated value is none to add, replace, and compare and set', async (store) => {
      const key = newKey()
      const put = (n: number, how: object) =>
        store.put(namespace, key, text(`${n}`), { stamp: stamp(n), ttlMs: 60_000, ...how })
      await tagged(store, key, 1, [key])
      await store.invalidate(namespace, 'tag', key, { stamp: stamp(2) })

      expect(await put(3, { mode: 'replace' })).toBe('absent')
      expect(await put(4, { ifStamp: stamp(1) })).toBe('absent')
      expect(await put(5, { mode: 'add' })).toBe('stored')
      expect(await read(store, key)).toBe('5')
    })

    promise('what cannot be a tag is refused, and so is an item that cannot have all of its tags', async (store) => {
      const put = (exact: string[], scopes: string[] = []) =>
        store.put(namespace, newKey(), text('x'), { stamp: stamp(1), ttlMs: 60_000, tags: { exact, scopes } })
      for (const name of ['', 'a\nb', 'x'.repeat(251), 'lone \ud800']) {
        expect(await store.invalidate(namespace, 'tag', name, { stamp: stamp(2) })).toBe('failed')
        expect(await put([name])).toBe('failed')
      }
      const many = (count: number) => Array.from({ length: count }, (_, i) => `many-${i}`)
      expect([await put(many(64), many(16)), await put(many(65)), await put([], many(17))]).toEqual([
        'stored',
        'failed',
        'failed',
      ])
      expect(await store.bump('No_Namespace', { stamp: stamp(2) })).toBe('failed')
      expect(await store.invalidate(namespace, 'tag', 't', { stamp: stamp(2), softMs: -1 })).toBe('failed')
    })

    promise('a closed store misses and fails, and throws nothing', async (store) => {
      await store.close()

      expect(await store.get(namespace, 'k', { deadlineMs })).toEqual({ kind: 'miss', because: 'closed' })
      expect(await store.put(namespace, 'k', text('x'), { stamp: stamp(1), ttlMs: -1 })).toBe('failed')
      expect(await store.delete(namespace, 'k', { stamp: stamp(1) })).toBe('failed')
      expect(await store.invalidate(namespace, 'tag', 't', { stamp: stamp(1) })).toBe('failed')
      expect(await store.bump(namespace, { stamp: stamp(1) })).toBe('failed')
    })
  })
}
