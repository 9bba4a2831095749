import { describe, expect, it } from 'vitest'
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
import { cacheStoreContract } from '../../contracts/cache-store.ts'
import { eventually, within } from '../../support/eventually.ts'

const deadlineMs = 50
const hourMs = 60 * 60_000
const text = (value: string): Buffer => Buffer.from(value)

/** A zone in memory that can stop answering or forget, and counts what it is asked. */
class FaultyZone extends MemoryStore {
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
class ToldState extends LoneZoneState {
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

function site(writeAck: WriteAck = 'quorum', nowMs = 0) {
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
async function loseAll(zone: MemoryStore): Promise<void> {
  for (let i = 0; i < 80; i++) await zone.put('flood', `${i}`, Buffer.alloc(1_000_000), { stamp: 1n, ttlMs: -1 })
}

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

describe('a site whose processes tell one another of its zones', () => {
  it('Store Z4: a delete that a zone missed is refused while nobody can be told, and its zone is told before it is answered', async () => {
    const { far, shared, stamps, store, put } = site()
    await put('k', 'x')
    far.fails = 'timeout'
    shared.answers = false
    expect(await store.delete('shop', 'k', { stamp: stamps.next() })).toBe('failed')
    expect(await store.bump('shop', { stamp: stamps.next() })).toBe('failed')
    expect(await store.invalidate('shop', 'tag', 't', { stamp: stamps.next() })).toBe('failed')
    // A value is stored all the same: what is not true any more is owed here.
    expect(await put('k', 'y')).toBe('stored')

    shared.answers = true
    expect(await store.delete('shop', 'k', { stamp: stamps.next() })).toBe('deleted')
    expect(shared.log).toContain('owes far')
    const told = shared.log.length
    expect(await store.delete('shop', 'another', { stamp: stamps.next() })).toBe('not-found')
    // Told once for all that is owed.
    expect(shared.log.length).toBe(told)
  })

  it('Store Z4: the announcement is taken back when the zone has all that it was owed', async () => {
    const { far, shared, store, stamps } = site()
    far.fails = 'timeout'
    await store.delete('shop', 'k', { stamp: stamps.next() })
    far.fails = undefined

    await eventually(() => shared.log.includes('settled far'))
    expect(store.health()[1]).toMatchObject({ state: 'up', owed: 0 })
  })

  it('Store Z4: a conditional delete is refused too when a zone missed it and nobody can be told', async () => {
    const { far, shared, stamps, store } = site()
    const stamp = stamps.next()
    await store.put('shop', 'k', text('x'), { stamp, ttlMs: -1 })
    far.fails = 'timeout'
    shared.answers = false

    expect(await store.delete('shop', 'k', { stamp: stamps.next(), ifStamp: stamp })).toBe('failed')
  })

  it('Store Z6: what missed more than can be listed is owed a floor until that outlives the process', async () => {
    const { far, shared, store, put, read, near } = site()
    for (let i = 0; i < 150; i++) await put(`k${i}`, 'old')
    far.fails = 'timeout'
    shared.answers = false
    for (let i = 0; i < 150; i++) await put(`k${i}`, 'new')
    far.fails = undefined
    near.fails = 'timeout'

    await eventually(() => shared.log.includes('raise far'))
    expect(await read('k0')).toBe('absent')
    expect(store.health()[1]?.owed).toBeGreaterThan(0)
    shared.answers = true
    await eventually(() => store.health()[1]?.owed === 0)
    expect(store.health()[1]?.state).toBe('cold')
    expect(await put('k0', 'newer')).toBe('stored')
    expect(await read('k0')).toBe('newer from far')
  })

  it('Store Z6: a zone that may not be read is written to and asked nothing, and leads nothing', async () => {
    const { near, far, shared, store, stamps, put, read } = site()
    shared.unread.add('near')

    expect(await put('k', 'x')).toBe('stored')
    expect(await read('k')).toBe('x from far')
    expect([near.reads, await read('k', near)]).toEqual([0, 'x from near'])
    expect(store.health()[0]?.state).toBe('write-only')
    await far.delete('shop', 'k', { stamp: stamps.next() })
    expect(await store.put('shop', 'k', text('y'), { stamp: stamps.next(), ttlMs: -1, mode: 'replace' })).toBe('absent')
  })

  it('Store Z6: a value below the floor of its zone or site is none, and says above what stamp one must be', async () => {
    const { shared, stamps, store, put, read } = site()
    await put('k', 'x')
    shared.floors.set('near', stamps.next())
    expect(await read('k')).toBe('x from far')

    const floor = stamps.next()
    shared.floors.set('*', floor)
    expect(await store.get('shop', 'k', { deadlineMs })).toEqual({ kind: 'miss', because: 'absent', stamp: floor })
    await put('k', 'y')
    expect(await read('k')).toBe('y from near')
  })

  it('while nobody knows what others owe, only what all zones have alike is served, and nothing is decided', async () => {
    const { near, far, shared, stamps, store, put, read } = site()
    await put('k', 'x')
    await put('missed', 'old')
    // By another process: the far zone missed it.
    await near.delete('shop', 'missed', { stamp: stamps.next() })
    shared.informed = false

    expect(await read('k')).toBe('x from near')
    expect(await read('missed')).toBe('tombstone')
    await far.put('shop', 'k', text('newer'), { stamp: stamps.next(), ttlMs: -1 })
    expect(await read('k')).toBe('unreadable')
    far.fails = 'timeout'
    expect(await read('k')).toBe('unreadable')
    far.fails = undefined
    expect(await store.put('shop', 'n', text('y'), { stamp: stamps.next(), ttlMs: -1, mode: 'add' })).toBe('failed')
    expect(await store.touch('shop', 'k', { ttlMs: 5 })).toEqual({ kind: 'failed' })
    expect(await put('n', 'y')).toBe('stored')
  })

  it('Store J7: reads nothing of a namespace that another site may have invalidated unheard', async () => {
    const { near, silent, put, read } = site()
    await put('k', 'x')
    silent.add('shop')

    expect(await read('k')).toBe('unreadable')
    expect(near.reads).toBe(0)
    silent.clear()
    expect(await read('k')).toBe('x from near')
  })
})

describe('a write that comes late to a site', () => {
  it('Store S8: brings back nothing, also where the zones have lost its tombstone', async () => {
    const { near, far, stamps, store, read } = site()
    const begun = stamps.next()
    await store.delete('shop', 'k', { stamp: stamps.next() })
    for (const zone of [near, far]) await loseAll(zone)

    expect(await store.put('shop', 'k', text('late'), { stamp: begun, ttlMs: -1 })).toBe('older')
    expect(await store.put('shop', 'k', text('late'), { stamp: begun, ttlMs: -1, mode: 'add' })).toBe('older')
    expect(await read('k')).toBe('absent')
  })

  it('Store S8: and of which nobody knows any more whether it was deleted, is a delete', async () => {
    const { clock, stamps, store, put, read } = site()
    const begun = stamps.next()
    clock.advance(1)
    await store.delete('shop', 'other', { stamp: stamps.next() })
    clock.advance(hourMs)
    await store.delete('shop', 'another', { stamp: stamps.next() })

    expect(await store.put('shop', 'k', text('late'), { stamp: begun, ttlMs: -1 })).toBe('older')
    expect(await read('k')).toBe('tombstone')
    await put('k', 'x')
    expect(await store.put('shop', 'k', text('late'), { stamp: begun, ttlMs: -1 })).toBe('older')
    expect(await read('k')).toBe('x from near')
  })

  it('stays in no zone when one of them has something newer', async () => {
    const { background, near, far, stamps, store, put } = site('one')
    const begun = stamps.next()
    await put('k', 'newer')
    await loseAll(near)

    await store.put('shop', 'k', text('late'), { stamp: begun, ttlMs: -1 })
    await background.settle(1_000)

    expect([(await near.get('shop', 'k')).kind, (await far.get('shop', 'k')).kind]).toEqual(['miss', 'hit'])
  })
})

describe('a touch at a site of two zones', () => {
  it('Store S11: is decided by one zone and copied to the value with its stamp, in the others', async () => {
    const { near, far, stamps, store, put, clock } = site()
    await put('k', 'x', 60_000)
    const left = async (zone: MemoryStore) => {
      const found = await zone.get('shop', 'k')
      return found.kind === 'hit' ? found.ttlMs : found.because
    }

    expect((await store.touch('shop', 'k', { ttlMs: 5_000 })).kind).toBe('touched')
    expect([await left(near), await left(far)]).toEqual([5_000, 5_000])
    expect(await store.touch('shop', 'k', { ttlMs: 9_000, ifStamp: 1n })).toEqual({ kind: 'not-found' })
    await far.put('shop', 'k', text('newer'), { stamp: stamps.next(), ttlMs: 7_000 })
    expect((await store.touch('shop', 'k', { ttlMs: 9_000 })).kind).toBe('touched')
    expect([await left(near), await left(far)]).toEqual([9_000, 7_000])
    clock.advance(10_000)
    expect(await store.touch('shop', 'k', { ttlMs: 9_000 })).toEqual({ kind: 'not-found' })
  })

  it('Store S11: that a zone missed takes the value from there, and one settles nothing that the zone is owed', async () => {
    const { near, far, store, put, read } = site()
    await put('k', 'x', 60_000)
    far.fails = 'timeout'
    expect((await store.touch('shop', 'k', { ttlMs: 5_000 })).kind).toBe('touched')
    near.fails = 'timeout'
    far.fails = undefined
    // Not from the far one, which has it.
    expect(await read('k')).toBe('timeout')

    near.fails = undefined
    await put('n', 'old')
    far.fails = 'timeout'
    await put('n', 'new')
    far.fails = undefined
    await store.touch('shop', 'n', { ttlMs: 5_000 })
    near.fails = 'timeout'
    expect(await read('n')).toBe('timeout')
  })
})

describe('zones that are for one namespace', () => {
  it('are left out of all others, and are no zone of them', async () => {
    const { near, far, store, put, read, stamps, options } = site('all')
    near.keeps = (namespace) => namespace === 'legacy'
    const fresh = new ZonedStore({ ...options, zones: [near, far] })
    near.fails = 'timeout'

    expect(await fresh.put('shop', 'k', text('x'), { stamp: stamps.next(), ttlMs: -1 })).toBe('stored')
    expect(await fresh.put('shop', 'k2', text('x'), { stamp: stamps.next(), ttlMs: -1, mode: 'add' })).toBe('stored')
    expect(await read('k', fresh)).toBe('x from far')
    expect(await fresh.put('legacy', 'k', text('x'), { stamp: stamps.next(), ttlMs: -1 })).toBe('failed')
    expect(fresh.health().map(({ owed }) => owed)).toEqual([1, 0])
    expect(await fresh.inspect('shop', 'k', deadlineMs)).toMatchObject([{ zone: 'far', node: 'memory' }])
    expect([await put('k', 'y'), store.health().length]).toEqual(['failed', 2])
  })
})
