import { describe, expect, it } from 'vitest'
import { cacheStoreContract } from '../../contracts/cache-store.ts'
import { eventually, within } from '../../support/eventually.ts'
import { deadlineMs, hourMs, loseAll, site, text } from './zoned-site.ts'

cacheStoreContract('a site of two zones', { make: () => site('quorum', Date.now() - hourMs).store })

describe('a site of two zones', () => {
  it('writes to both and reads the near one only', async () => {
    const { near, far, put, read } = site()

    expect(await put('k', 'x')).toBe('stored')

    expect(await read('k')).toBe('x from near')
    expect(await read('k', far)).toBe('x from far')
    expect([near.reads, far.reads]).toEqual([1, 1])
  })

  it('makes no trip to the far zone for a steady miss', async () => {
    const { far, read } = site()

    expect(await read('nothing')).toBe('absent')

    expect(far.reads).toBe(0)
  })

  it('makes no such trip either when the far zone is older, once the near one is warm', async () => {
    const { clock, near, far, read } = site()
    near.startedAt = clock.now() - 10 * 60_000

    expect(await read('nothing')).toBe('absent')

    expect(far.reads).toBe(0)
  })

  it('answers a delete only when every zone has applied it or owes it', async () => {
    const { near, far, stamps, store, put } = site('one')
    await put('k', 'x')
    let refuse = (): void => undefined
    far.delete = () =>
      new Promise((resolve) => {
        refuse = () => resolve('failed')
      })
    let answered = false

    const deleting = store.delete('shop', 'k', { stamp: stamps.next() }).finally(() => {
      answered = true
    })
    await eventually(async () => (await near.get('shop', 'k')).kind === 'miss')
    await new Promise((resolve) => setImmediate(resolve))
    expect(answered).toBe(false)
    refuse()

    expect(await deleting).toBe('deleted')
    expect(store.health()[1]?.owed).toBe(1)
  })

  it('asks the far zone at once when the near one fails', async () => {
    const { near, put, read } = site()
    await put('k', 'x')

    for (const fails of ['timeout', 'refused', 'closed', 'overload', 'protocol'] as const) {
      near.fails = fails
      expect(await read('k')).toBe('x from far')
    }
  })

  it('tells why nobody could answer', async () => {
    const { near, far, read } = site()
    near.fails = 'timeout'
    far.fails = 'refused'

    expect(await read('k')).toBe('timeout')
  })

  it('fills a warming zone from the older one, with the same stamp and no longer life', async () => {
    const { clock, background, near, far, stamps, store, read } = site()
    const stamp = stamps.next()
    await far.put('shop', 'k', text('x'), { stamp, ttlMs: 60_000, flags: 5, contentType: 'a/b' })
    near.startedAt = clock.now()

    expect(await read('k')).toBe('x from far')
    await background.settle(1_000)

    expect(await near.get('shop', 'k')).toMatchObject({ stamp, flags: 5, contentType: 'a/b' })
    const filled = await near.get('shop', 'k')
    expect(filled.kind === 'hit' && filled.ttlMs <= 60_000).toBe(true)
    await store.delete('shop', 'k', { stamp: stamps.next() })
    expect(await read('k')).toBe('tombstone')
  })

  it('does not fill over a delete that came in between', async () => {
    const { clock, background, near, far, stamps, read } = site()
    await far.put('shop', 'k', text('old'), { stamp: stamps.next(), ttlMs: -1 })
    near.startedAt = clock.now()

    const reading = read('k')
    await near.delete('shop', 'k', { stamp: stamps.next() })
    await reading
    await background.settle(1_000)

    expect(await read('k', near)).toBe('tombstone')
  })

  it('fills nothing that is about to expire', async () => {
    const { clock, background, near, far, stamps, read } = site()
    await far.put('shop', 'k', text('x'), { stamp: stamps.next(), ttlMs: 2_900 })
    near.startedAt = clock.now()

    expect(await read('k')).toBe('x from far')
    await background.settle(1_000)

    expect(await read('k', near)).toBe('absent')
  })

  it('Store Z2: fills nothing that is stale, or that is deleted by now', async () => {
    const { clock, background, near, far, stamps, store, read } = site()
    const stale = { stamp: stamps.next(), ttlMs: 60_000, soft: { sinceMs: clock.now() - 1, forMs: 50_000 } }
    await far.put('shop', 'stale', text('x'), stale)
    await far.put('shop', 'fresh', text('x'), { ...stale, soft: { sinceMs: clock.now() + 9_000, forMs: 50_000 } })
    await far.put('shop', 'deleted', text('x'), { stamp: stamps.next(), ttlMs: 60_000 })
    near.startedAt = clock.now()
    const get = far.get.bind(far)
    far.get = async (...args) => {
      const found = await get(...args)
      if (args[1] !== 'deleted') return found
      await store.delete('shop', 'deleted', { stamp: stamps.next() })
      // Else it would refuse the copy by its tombstone.
      await loseAll(near)
      return found
    }
    expect(await read('deleted')).toBe('x from far')

    expect([await read('stale'), await read('fresh')]).toEqual(['x from far', 'x from far'])
    await background.settle(1_000)
    const held = await Promise.all(['stale', 'fresh', 'deleted'].map((key) => near.get('shop', key)))
    expect(held.map(({ kind }) => kind)).toEqual(['miss', 'hit', 'miss'])
  })

  it('does not ask a zone that is as cold as the near one', async () => {
    const { clock, near, far, read } = site()
    near.startedAt = clock.now()
    far.startedAt = clock.now()

    expect(await read('k')).toBe('absent')
    expect(far.reads).toBe(0)
  })

  it('reads nothing from a zone that missed the write of that key, until the zone has deleted it', async () => {
    const { near, store, put, read } = site()
    await put('k', 'old')
    await put('other', 'x')
    near.fails = 'timeout'
    expect(await put('k', 'new')).toBe('stored')
    near.fails = undefined

    expect(await read('k')).toBe('new from far')
    expect(await read('other')).toBe('x from near')
    expect(store.health()[0]).toEqual({ zone: 'near', state: 'owing', owed: 1 })
    await eventually(() => store.health()[0]?.owed === 0)
    expect(await read('k', near)).toBe('tombstone')
  })

  it('owes a delete to a zone that was away, and does not answer old values when it is back', async () => {
    const { near, far, stamps, store, put, read } = site()
    await put('k', 'old')
    near.fails = 'closed'

    expect(await store.delete('shop', 'k', { stamp: stamps.next() })).toBe('deleted')
    near.fails = undefined
    far.fails = 'timeout'

    expect(await read('k')).toBe('unreadable')
    await eventually(async () => (await read('k')) === 'tombstone')
  })

  it('does not serve what it read from a zone while a write to it failed', async () => {
    const { near, stamps, store, put, read } = site()
    await put('k', 'old')
    const slow = near.get.bind(near)
    let reading = (): void => undefined
    const begun = new Promise<void>((resolve) => {
      reading = resolve
    })
    let answer = (): void => undefined
    near.get = async (namespace, key) => {
      const found = await slow(namespace, key)
      reading()
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return found
    }

    const pending = read('k')
    await begun
    near.fails = 'timeout'
    await store.delete('shop', 'k', { stamp: stamps.next() })
    answer()

    expect(await pending).toBe('tombstone')
  })

  it('owes nothing any more when a newer write arrives', async () => {
    const { near, store, put, read } = site()
    near.fails = 'timeout'
    await put('k', '1')
    near.fails = undefined

    await put('k', '2')

    expect(store.health()[0]?.owed).toBe(0)
    expect(await read('k')).toBe('2 from near')
  })

  it('serves nothing old from a zone that missed more than can be listed', async () => {
    const { near, far, store, put, read } = site()
    await put('old', 'x')
    near.fails = 'closed'
    for (let i = 0; i <= 100; i++) await put(`k${i}`, '')
    await eventually(() => store.health()[0]?.owed === 0)
    near.fails = undefined

    expect(await read('old', near)).toBe('x from near')
    expect(await read('old')).toBe('x from far')
    far.fails = 'refused'
    expect(await read('old')).toBe('absent')
    far.fails = undefined
    await put('fresh', 'y')
    expect(await read('fresh')).toBe('y from near')
  })

  it.each(['tag', 'scope', 'all'] as const)(
    'invalidates (%s) in all zones; one that was away is not read in that namespace until it has it',
    async (target) => {
      const { near, far, stamps, store, put, read } = site()
      const tags = { exact: ['t'], scopes: ['s'] }
      const putTagged = (key: string) => store.put('shop', key, text('x'), { stamp: stamps.next(), ttlMs: -1, tags })
      await putTagged('k')
      await store.put('other', 'k', text('x'), { stamp: stamps.next(), ttlMs: -1 })
      await put('plain', 'y')
      near.fails = 'timeout'
      const stamp = stamps.next()

      const done =
        target === 'all'
          ? store.bump('shop', { stamp })
          : store.invalidate('shop', target, target === 'tag' ? 't' : 's', { stamp })
      expect(await done).toBe('applied')
      near.fails = undefined

      expect(await read('k', near)).toBe('x from near')
      expect(await read('k')).toBe('invalidated')
      expect(await read('plain')).toBe(target === 'all' ? 'invalidated' : 'y from far')
      expect((await store.get('other', 'k', { deadlineMs })).kind).toBe('hit')
      await putTagged('next')
      expect(await read('next')).toBe('x from far')
      far.fails = 'refused'
      expect(await read('next')).toBe('unreadable')
      far.fails = undefined
      expect(store.health()[0]).toEqual({ zone: 'near', state: 'owing', owed: 1 })
      await eventually(() => store.health()[0]?.owed === 0)
      expect(await read('next')).toBe('x from near')
      expect(await read('k', near)).toBe('invalidated')
    },
  )

  it('tells an invalidation as failed when too few zones took it, and keeps it owed', async () => {
    const { near, far, stamps, store, put, read } = site('all')
    await put('k', 'x')
    near.fails = 'closed'

    expect(await store.bump('shop', { stamp: stamps.next() })).toBe('failed')
    near.fails = undefined

    expect(await read('k')).toBe('invalidated')
    far.fails = 'closed'
    expect(await read('k')).toBe('unreadable')
    await eventually(async () => (await read('k')) === 'invalidated')
    expect(await store.invalidate('shop', 'tag', 'a\u0000', { stamp: stamps.next() })).toBe('failed')
    expect(store.health()[0]?.owed).toBe(0)
  })

  it('fills a warming zone with the tags, so that the copy can be invalidated too', async () => {
    const { clock, background, near, far, stamps, store, read } = site()
    const tags = { exact: ['t'], scopes: ['s'] }
    await far.put('shop', 'k', text('x'), { stamp: stamps.next(), ttlMs: -1, tags })
    near.startedAt = clock.now()
    expect(await read('k')).toBe('x from far')
    await background.settle(1_000)
    expect(await near.get('shop', 'k')).toMatchObject({ kind: 'hit', tags })

    await store.invalidate('shop', 'tag', 't', { stamp: stamps.next() })

    expect([await read('k'), await read('k', near)]).toEqual(['invalidated', 'invalidated'])
  })

  it.each(['tag', 'scope', 'all'] as const)(
    'does not fill a warming zone with what was invalidated (%s) while it was copied',
    async (target) => {
      const { clock, background, near, far, stamps, store, read } = site()
      const tags = { exact: ['t'], scopes: ['s'] }
      await far.put('shop', 'k', text('old'), { stamp: stamps.next(), ttlMs: -1, tags })
      near.startedAt = clock.now()
      const slow = far.get.bind(far)
      let reading = (): void => undefined
      const begun = new Promise<void>((resolve) => {
        reading = resolve
      })
      let answer = (): void => undefined
      far.get = async (...args) => {
        const found = await slow(...args)
        reading()
        await new Promise<void>((resolve) => {
          answer = resolve
        })
        return found
      }

      const pending = read('k')
      await begun
      const stamp = stamps.next()
      const name = target === 'tag' ? 't' : 's'
      await (target === 'all' ? store.bump('shop', { stamp }) : store.invalidate('shop', target, name, { stamp }))
      answer()
      await pending
      await background.settle(1_000)

      expect(['absent', 'invalidated']).toContain(await read('k', near))
    },
  )

  it('answers a write after one, most or all of the zones', async () => {
    for (const { ack, outcome } of [
      { ack: 'one', outcome: 'stored' },
      { ack: 'quorum', outcome: 'stored' },
      { ack: 'all', outcome: 'failed' },
    ] as const) {
      const { near, put } = site(ack)
      near.fails = 'refused'
      expect(await put('k', 'x')).toBe(outcome)
    }
    for (const ack of ['one', 'quorum', 'all'] as const) {
      const { near, far, put } = site(ack)
      near.fails = 'refused'
      far.fails = 'refused'
      expect(await put('k', 'x')).toBe('failed')
    }
    const { far, put } = site('one')
    far.silent = true
    expect(await within(1_000, 'the answer of one zone', put('k', 'x'))).toBe('stored')
  })

  it('lets one zone decide what only one may win, and copies what it decided', async () => {
    const { far, near, stamps, store, put, read } = site()
    await put('k', '1')
    const found = await store.get('shop', 'k', { deadlineMs })
    const ifStamp = found.kind === 'hit' ? found.stamp : 0n

    const outcomes = await Promise.all(
      ['a', 'b', 'c'].map((value) => store.put('shop', 'k', text(value), { stamp: stamps.next(), ttlMs: -1, ifStamp })),
    )

    expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1)
    const [nearValue, farValue] = [await read('k', near), await read('k', far)]
    expect(nearValue.split(' ')[0]).toBe(farValue.split(' ')[0])
  })
})
