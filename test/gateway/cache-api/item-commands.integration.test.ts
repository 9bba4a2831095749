import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { ItemCommands, unique } from '../../../gateway/cache-api/item-commands.ts'
import { fillStamp } from '../../../gateway/cache-api/leases.ts'
import type { CacheStore, Hit } from '../../../gateway/store/cache-store.ts'
import type { StampClock } from '../../../gateway/store/stamp.ts'
import { startZones, type Zones } from './cache-api-bed.ts'

interface Process {
  readonly store: CacheStore
  readonly zones: CacheStore
  readonly stamps: StampClock
  readonly items: ItemCommands
}

let zones: Zones
/** Of one site, with the same two zones of real Memcached. */
let processes: Process[]

beforeAll(async () => {
  zones = await startZones()
  processes = await Promise.all([1, 2, 3].map(newProcess))
})
afterAll(async () => {
  await Promise.all(processes.map(({ store }) => store.close()))
  await zones[Symbol.asyncDispose]()
})

async function newProcess(writer: number): Promise<Process> {
  const site = await zones.site(writer)
  return { ...site, items: new ItemCommands({ ...site, clock: systemClock, deadlineMs: 500 }) }
}
const process = (at: number): Process => processes[at % processes.length] as Process
let keys = 0
const newKey = () => `k${keys++}`
const put = (key: string, value: string, over: object = {}, { store, stamps } = process(0)) =>
  store.put('shop', key, Buffer.from(value), { ttlMs: 600_000, stamp: stamps.next(), ...over })
async function read(key: string, { store } = process(0)): Promise<Hit> {
  const found = await store.get('shop', key, { deadlineMs: 1_000 })
  if (found.kind === 'hit') return found
  throw new Error(`${key}: ${found.because}`)
}

describe('counting', () => {
  it('Store I5: loses no increment and makes none twice, with many clients in several processes at once', async () => {
    const key = newKey()
    const counts = Array.from({ length: 300 }, (_, at) => process(at).items.incr('shop', key, { by: 1n, initial: 1n }))

    const values = (await Promise.all(counts)).map((each) => (each.kind === 'value' ? each.value : undefined))

    // Each success saw a number of its own: no two counted from the same one, and none was passed over.
    expect([...values].sort((a, b) => Number(a) - Number(b))).toEqual(values.map((_, at) => BigInt(at + 1)))
    for (const each of processes) expect(String((await read(key, each)).value)).toBe('300')
  })

  it('Store I5: gives what one client after another would give, whatever they do to the key', async () => {
    const act = fc.record({ by: fc.bigInt({ min: -9n, max: 9n }), at: fc.nat(2), append: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 2, maxLength: 24 }), async (acts) => {
        const key = newKey()
        await put(key, '1000')
        const outcomes = await Promise.all(
          acts.map(({ by, at, append }) =>
            append
              ? process(at).items.concat('shop', key, Buffer.from(' '), { at: 'end' })
              : process(at).items.incr('shop', key, { by }),
          ),
        )
        const steps = acts.filter(({ append }) => !append).reduce((sum, { by }) => sum + by, 0n)
        expect(outcomes.every(({ kind }) => kind === 'value' || kind === 'stored')).toBe(true)
        expect(String((await read(key)).value).trim()).toBe(String(1000n + steps))
        expect(new Set(outcomes.map((each) => ('stamp' in each ? each.stamp : 0n))).size).toBe(acts.length)
      }),
      { numRuns: 15 },
    )
  })

  it('Store P1: counts as memcached counts: round at 64 bits, never below 0, never shorter, and what it takes for a number', async () => {
    const text = fc.oneof(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(String),
      fc.tuple(fc.nat(200), fc.constantFrom('', ' ', '   ', ' x', '\t1')).map(([n, tail]) => `${n}${tail}`),
      fc.constantFrom(
        '',
        '-1',
        '+7',
        ' 8',
        '1e3',
        '0x10',
        '18446744073709551616',
        '00012',
        'abc',
        '18446744073709551615',
      ),
    )
    const step = fc.oneof(fc.bigInt({ min: -300n, max: 300n }), fc.constantFrom((1n << 64n) - 1n, -((1n << 64n) - 1n)))
    await fc.assert(
      fc.asyncProperty(text, step, async (value, by) => {
        const key = newKey()
        await put(key, value)

        const outcome = await process(0).items.incr('shop', key, { by })
        const stored = outcome.kind === 'value' ? String((await read(key)).value) : value
        const theirs = await memcachedCounts(value, by)

        expect([outcome.kind === 'value' ? String(outcome.value) : 'no number', stored]).toEqual(theirs)
      }),
      { numRuns: 120 },
    )
  })

  it('keeps the life, the flags, the types and the tags of what was there', async () => {
    const key = newKey()
    const tags = { exact: ['t:a'], scopes: [] }
    await put(key, '1', { ttlMs: 60_000, flags: 7, contentType: 'text/plain', contentEncoding: 'gzip', tags })
    const before = await read(key)

    const outcome = await process(0).items.incr('shop', key, { by: 4n, ttlMs: 1 })

    const after = await read(key)
    expect(outcome).toMatchObject({ kind: 'value', value: 5n, stamp: after.stamp })
    expect(after.stamp).toBeGreaterThan(before.stamp)
    expect(after).toMatchObject({ flags: 7, contentType: 'text/plain', contentEncoding: 'gzip', tags })
    expect(after.ttlMs).toBeLessThanOrEqual(before.ttlMs)
    expect(after.ttlMs).toBeGreaterThan(55_000)
  })

  it('Store I4: ends when it would have ended, however often it is counted on', async () => {
    const key = newKey()
    await put(key, '0', { ttlMs: 3_000 })
    const endsAt = performance.now() + 5_000
    let counted = 0
    for (;;) {
      const outcome = await process(counted).items.incr('shop', key, { by: 1n })
      if (outcome.kind === 'not-found') break
      expect(outcome.kind).toBe('value')
      counted++
      // Each read rounds what is left up to a second: written back so, a busy counter would live for ever.
      expect(performance.now(), `after ${counted}`).toBeLessThan(endsAt)
    }
    expect(counted).toBeGreaterThan(100)
  })

  it('begins with the initial number where nothing is, and once', async () => {
    const { items } = process(0)
    const key = newKey()

    expect(await items.incr('shop', key, { by: 1n })).toEqual({ kind: 'not-found' })
    expect(await items.incr('shop', key, { by: 5n, initial: 3n, ttlMs: 60_000 })).toMatchObject({
      value: 3n,
      ttlMs: 60_000,
    })
    expect(await items.incr('shop', key, { by: 5n, initial: 3n })).toMatchObject({ value: 8n })
    const { stamp } = await read(key)
    expect(await items.incr('shop', key, { by: 1n, ifStamp: stamp - 1n })).toEqual({ kind: 'exists' })
    expect(await items.incr('shop', key, { by: 1n, ifStamp: stamp })).toMatchObject({ value: 9n })
  })

  it('goes on over a deleted value, also by a process whose clock is behind', async () => {
    const key = newKey()
    await put(key, '5')
    const ahead = process(1).stamps
    ahead.see(ahead.next() + (5_000n << 20n))
    await process(1).store.delete('shop', key, { stamp: ahead.next() })

    expect(await process(0).items.incr('shop', key, { by: 1n, initial: 1n })).toMatchObject({
      kind: 'value',
      value: 1n,
    })
  })
})

describe('lengthening', () => {
  it('adds at either end, to what is there alone', async () => {
    const { items } = process(0)
    const key = newKey()

    expect(await items.concat('shop', key, Buffer.from('x'), { at: 'end' })).toEqual({ kind: 'not-found' })
    await put(key, 'b', { flags: 3 })
    await items.concat('shop', key, Buffer.from('c'), { at: 'end' })
    const stored = await items.concat('shop', key, Buffer.from('a'), { at: 'begin' })
    expect(await read(key)).toMatchObject({
      value: Buffer.from('abc'),
      flags: 3,
      ...('stamp' in stored ? { stamp: stored.stamp } : {}),
    })
    expect(await items.concat('shop', key, Buffer.from('x'), { at: 'end', ifStamp: 1n })).toEqual({ kind: 'exists' })
  })

  it('leaves a value as it is where the two would be too large', async () => {
    const key = newKey()
    await put(key, 'x'.repeat(600_000))

    const outcome = await process(0).items.concat('shop', key, Buffer.alloc(600_000), { at: 'end' })

    expect(outcome).toEqual({ kind: 'too-large' })
    expect((await read(key)).value).toHaveLength(600_000)
  })

  it('Store I5: loses no piece', async () => {
    const key = newKey()
    await put(key, '')
    const pieces = Array.from({ length: 60 }, (_, at) => `<${at}>`)

    await Promise.all(
      pieces.map((each, at) =>
        process(at).items.concat('shop', key, Buffer.from(each), { at: at % 2 ? 'begin' : 'end' }),
      ),
    )

    const found = String((await read(key)).value)
    expect(found.match(/<\d+>/g)?.sort()).toEqual([...pieces].sort())
  })
})

describe('a lease', () => {
  const lease = (key: string, at = 0, ttlMs = 10_000) => process(at).items.lease('shop', key, { ttlMs })
  const fill = (key: string, token: bigint, value = 'made', at = 0) =>
    process(at).items.fill('shop', key, Buffer.from(value), { token, ttlMs: 60_000 })

  it('Store I9: has one winner, whoever asks in whatever process', async () => {
    const key = newKey()

    const turns = await Promise.all(Array.from({ length: 60 }, (_, at) => lease(key, at)))

    expect(turns.filter(({ kind }) => kind === 'win')).toHaveLength(1)
    expect(turns.filter(({ kind }) => kind === 'wait')).toHaveLength(59)
  })

  it('Store I9: has no second winner when the first one fills while others ask', async () => {
    for (let round = 0; round < 20; round++) {
      const key = newKey()
      const ask = async (at: number) => {
        const turn = await lease(key, at)
        if (turn.kind === 'win') await fill(key, turn.token, 'made', at)
        return turn.kind
      }
      const turns = await Promise.all(Array.from({ length: 12 }, (_, at) => ask(at)))
      expect(turns.filter((kind) => kind === 'win')).toHaveLength(1)
    }
  })

  it('Store I9: is not won by who looked before the fill and claims after it', async () => {
    const key = newKey()
    const won = await lease(key)
    if (won.kind !== 'win') throw new Error(won.kind)
    const { store, zones: own, stamps } = process(1)
    let looks = 0
    const late = Object.assign(Object.create(store) as CacheStore, {
      get: async (...args: Parameters<CacheStore['get']>) => {
        const found = await store.get(...args)
        if (looks++ === 0) await fill(key, won.token)
        return found
      },
    })
    const items = new ItemCommands({ store: late, zones: own, stamps, clock: systemClock, deadlineMs: 500 })

    expect(await items.lease('shop', key, { ttlMs: 10_000 })).toMatchObject({ kind: 'hit' })
    // Nor does it hold the lease from then on.
    await process(0).items.delete('shop', key)
    expect(await lease(key)).toMatchObject({ kind: 'win' })
  })

  it('ends with the fill, and everybody hits', async () => {
    const key = newKey()
    const won = await lease(key)
    if (won.kind !== 'win') throw new Error(won.kind)

    expect(await fill(key, won.token)).toBe('stored')
    expect(await lease(key, 1)).toMatchObject({
      kind: 'hit',
      hit: { value: Buffer.from('made'), stamp: fillStamp(won.token) },
    })
    // The answer to a fill may be lost on the way.
    expect(await fill(key, won.token)).toBe('stored')
  })

  it('Store S4: loses to a delete that came after it, whose next caller may make the value anew', async () => {
    const key = newKey()
    const won = await lease(key)
    if (won.kind !== 'win') throw new Error(won.kind)
    await process(1).items.delete('shop', key)

    const next = await lease(key, 1)

    expect(next.kind).toBe('win')
    expect(await fill(key, won.token, 'old')).toBe('lease-lost')
    expect(await process(0).store.get('shop', key, { deadlineMs: 1_000 })).toMatchObject({ kind: 'miss' })
    if (next.kind === 'win') expect(await fill(key, next.token, 'new', 1)).toBe('stored')
    expect(String((await read(key)).value)).toBe('new')
  })

  it('is lost to nobody by a forged token: not by a later one, not by that of another key', async () => {
    const key = newKey()
    const other = newKey()
    const won = await lease(key)
    const elsewhere = await lease(other)
    if (won.kind !== 'win' || elsewhere.kind !== 'win') throw new Error('no lease')
    const before = process(0).stamps.next()

    for (const token of [won.token + 1n, won.token + (30_000n << 20n), (1n << 64n) - 1n, 0n, elsewhere.token]) {
      expect(await fill(key, token, 'forged')).toBe('lease-lost')
    }

    // Nor does it move our clock: everybody else's stamps would be behind.
    expect(process(0).stamps.next() - before).toBeLessThan(20_000n << 20n)
    expect(await fill(key, won.token)).toBe('stored')
  })

  it('ends by itself, and then its token is nothing', async () => {
    const key = newKey()
    const won = await lease(key, 0, 1_000)
    if (won.kind !== 'win') throw new Error(won.kind)
    let next = await lease(key, 1)
    while (next.kind === 'wait') next = await lease(key, 1)

    expect(next.kind).toBe('win')
    expect(await fill(key, won.token)).toBe('lease-lost')
  })

  it('of a stale value is won by one, and the others use it meanwhile', async () => {
    const key = newKey()
    await put(key, 'old')
    await process(0).items.softDelete('shop', key, { forMs: 60_000 })

    const turns = await Promise.all([0, 1, 2, 3].map((at) => lease(key, at)))

    expect(turns.map(({ kind }) => kind).sort()).toEqual(['hit', 'hit', 'hit', 'win'])
    const won = turns.find((turn) => turn.kind === 'win')
    expect(String(won?.stale?.value)).toBe('old')
    if (won !== undefined) expect(await fill(key, won.token, 'new')).toBe('stored')
    expect(await read(key)).not.toHaveProperty('soft')
  })
})

describe('a soft delete', () => {
  it('leaves the value stale, of use for a while, and newer than it was', async () => {
    const key = newKey()
    await put(key, 'v', { flags: 9 })
    const before = await read(key)

    expect(await process(1).items.softDelete('shop', key, { forMs: 30_000 })).toBe('deleted')

    const after = await read(key)
    expect(after).toMatchObject({ value: Buffer.from('v'), flags: 9, soft: { forMs: 30_000 } })
    expect(after.soft?.sinceMs).toBeLessThanOrEqual(Date.now())
    expect(after.stamp).toBeGreaterThan(before.stamp)
    // A fill that began before must not make it fresh.
    expect(
      await process(0).store.put('shop', key, Buffer.from('late'), { ttlMs: 9_000, stamp: before.stamp + 1n }),
    ).toBe('older')
  })

  it('is made certain by a delete between the old value and the stale one, which no power cut takes away', async () => {
    const key = newKey()
    await put(key, 'v')
    const before = await read(key)
    const deletes: bigint[] = []
    const { store, stamps, zones: own } = process(0)
    const watched = Object.assign(Object.create(store) as CacheStore, {
      get: store.get.bind(store),
      put: store.put.bind(store),
      delete: (...args: Parameters<CacheStore['delete']>) => {
        deletes.push(args[2].stamp)
        return store.delete(...args)
      },
    })
    const items = new ItemCommands({ store: watched, zones: own, stamps, clock: systemClock, deadlineMs: 500 })

    expect(await items.softDelete('shop', key, { forMs: 30_000 })).toBe('deleted')

    const after = await read(key)
    expect(deletes).toHaveLength(1)
    expect(deletes[0]).toBeGreaterThan(before.stamp)
    expect(deletes[0]).toBeLessThan(after.stamp)
  })

  it('of what is not there keeps late fills out', async () => {
    const key = newKey()
    const begun = process(0).stamps.next()

    expect(await process(0).items.softDelete('shop', key, { forMs: 30_000 })).toBe('not-found')

    expect(await process(0).store.put('shop', key, Buffer.from('late'), { ttlMs: 9_000, stamp: begun })).toBe('older')
  })

  it('never makes a stale value of more use, and counting on it does not make it fresh', async () => {
    const key = newKey()
    await put(key, '1')
    await process(0).items.softDelete('shop', key, { forMs: 5_000 })
    const first = (await read(key)).soft
    await process(0).items.softDelete('shop', key, { forMs: 50_000 })
    await process(1).items.incr('shop', key, { by: 1n })

    expect((await read(key)).soft).toEqual(first)
  })

  it('of another value than the one meant does nothing', async () => {
    const key = newKey()
    await put(key, 'v')
    const found = await read(key)

    expect(await process(0).items.softDelete('shop', key, { forMs: 9_000, ifStamp: unique(found) - 1n })).toBe('older')
    expect(await read(key)).not.toHaveProperty('soft')
  })
})

/** What Memcached itself makes of it: its answer and what it then holds. */
async function memcachedCounts(value: string, by: bigint): Promise<[string, string]> {
  const { connect } = await import('node:net')
  const socket = connect({ host: '127.0.0.1', port: zones.servers[0]?.port ?? 0 })
  const verb = by < 0n ? 'decr' : 'incr'
  socket.write(
    `set counted 0 0 ${value.length}\r\n${value}\r\n${verb} counted ${by < 0n ? -by : by}\r\nget counted\r\nquit\r\n`,
  )
  let told = ''
  for await (const chunk of socket) told += String(chunk)
  const [, counted = '', head = ''] = told.split('\r\n')
  const length = Number(head.split(' ')[3])
  const at = told.indexOf(head) + head.length + 2
  return [/^\d/.test(counted) ? counted : 'no number', told.slice(at, at + length)]
}
