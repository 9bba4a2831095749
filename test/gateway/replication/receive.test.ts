import { once } from 'node:events'
import { connect } from 'node:net'
import { zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import type { Batch, BatchHeader } from '../../../gateway/replication/batch.ts'
import { HttpPeer } from '../../../gateway/replication/http-peer.ts'
import { receiveBatch } from '../../../gateway/replication/receive.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { eventually, within } from '../../support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { batchOfOne, listening, receivingSide, sendingSide, signature } from './sides.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function twoSites() {
  const there = receivingSide()
  const { app, port, calls, close } = await listening(there.receiving)
  const proxy: FaultProxy = await startFaultProxy(port)
  closing.push(there.close, close, () => proxy.close())
  const origin = `http://127.0.0.1:${proxy.port}`
  const peer = new HttpPeer({ origin, sign: signature, deadlineMs: 500, connectDeadlineMs: 200 })
  const here = sendingSide(peer)
  closing.push(() => here.store.close())
  const { store, put, del } = here
  return { app, proxy, port, calls, store, put, del, read: there.read }
}

describe('replication over HTTP', () => {
  it('brings each write to the other site, signed', async () => {
    const { store, put, del, read, calls } = await twoSites()
    for (let i = 0; i < 1_500; i++) await put(`k${i}`, `${i}`)
    await del('k7')

    expect(await store.drained(5_000)).toBe(true)

    expect(await read('k1499')).toBe('1499')
    expect(await read('k7')).toBe('tombstone')
    expect(calls.every((call) => call === 'POST /gateway/v1/cache/replicate')).toBe(true)
  })

  it('takes nothing that is not signed, not a batch, too large, or packed to become too large', async () => {
    const { port } = await twoSites()
    const type = 'application/vnd.tidegate.cache-batch'
    const send = async (body: Buffer, headers: Record<string, string>): Promise<string> => {
      const url = `http://127.0.0.1:${port}/gateway/v1/cache/replicate`
      const answer = await fetch(url, { method: 'POST', body: new Uint8Array(body), headers })
      return `${answer.status} ${((await answer.json()) as { code: string }).code}`
    }
    const signed = (body: Buffer) => `POST /gateway/v1/cache/replicate ${body.length}`
    const noise = Buffer.from('noise')

    expect(await send(noise, { 'content-type': type })).toBe('401 cache-unauthenticated')
    expect(await send(noise, { 'content-type': type, 'x-signed': signed(noise) })).toBe('400 cache-batch-unreadable')
    expect(await send(noise, { 'content-type': 'text/plain', 'x-signed': signed(noise) })).toMatch(/^415 /)
    const large = Buffer.alloc(5 * 1024 * 1024)
    expect(await send(large, { 'content-type': type, 'x-signed': signed(large) })).toMatch(/^413 /)
    const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024))
    const packed = { 'content-type': type, 'content-encoding': 'zstd' }
    expect(await send(bomb, packed)).toBe('401 cache-unauthenticated')
    expect(await send(bomb, { ...packed, 'x-signed': signed(bomb) })).toBe('413 cache-batch-too-large')
    expect(await send(noise, { ...packed, 'x-signed': signed(noise) })).toBe('400 cache-batch-unreadable')
  })

  it('keeps no peer waiting for strangers that never end what they began to send', async () => {
    const { port, store, put, read } = await twoSites()
    const head = 'POST /gateway/v1/cache/replicate HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n'
    const sockets = Array.from({ length: 40 }, () => connect(port, '127.0.0.1').on('error', () => undefined))
    closing.push(async () => {
      for (const socket of sockets) socket.destroy()
    })
    const answers = sockets.map(async (socket) => {
      socket.write(`${head}content-type: application/vnd.tidegate.cache-batch\r\n\r\nx`)
      return String((await once(socket, 'data'))[0]).slice(9, 12)
    })
    expect(new Set(await within(5_000, 'their answers', Promise.all(answers)))).toEqual(new Set(['401']))

    await put('k', 'v')

    expect(await store.drained(5_000)).toBe(true)
    expect(await read('k')).toBe('v')
  })

  it('waits no longer than its sender for a body that was cut off', async () => {
    const there = receivingSide()
    const { port, close } = await listening({ ...there.receiving, bodyDeadlineMs: 200 })
    closing.push(there.close, close)
    const lines = ['POST /gateway/v1/cache/replicate HTTP/1.1', 'host: x', 'content-length: 1000']
    const type = 'content-type: application/vnd.tidegate.cache-batch'
    const sockets = Array.from({ length: 33 }, () => connect(port, '127.0.0.1').on('error', () => undefined))
    const ends = sockets.map(async (socket) => {
      const told = once(socket, 'close')
      let answer = ''
      socket.on('data', (chunk) => {
        answer += String(chunk)
      })
      socket.write([...lines, type, 'x-signed: POST /gateway/v1/cache/replicate 1000', '', 'x'].join('\r\n'))
      await told
      return answer.slice(9, 12)
    })

    expect((await within(5_000, 'their ends', Promise.all(ends))).sort().slice(-1)).toEqual(['429'])
  })

  it('delays no write while the other site is a black hole, refuses or is cut, and loses nothing', async () => {
    const { proxy, store, put, del, read } = await twoSites()
    await put('k', 'old')
    await put('gone', 'old')
    await store.drained(5_000)

    for (const fault of [{ kind: 'black-hole' }, { kind: 'refuse' }, { kind: 'cut', afterBytes: 20 }] as const) {
      await proxy.set(fault)
      for (let i = 0; i < 100; i++) {
        await within(100, `a write with ${fault.kind}`, put(`k${i}`, `${fault.kind} ${i}`))
      }
      await within(100, 'a delete', del('gone'))
      await within(100, 'a write', put('k', fault.kind))
      expect(store.debt().deletes).toBeGreaterThan(0)
    }
    await proxy.set({ kind: 'none' })

    await eventually(() => store.debt().deletes === 0, { deadlineMs: 8_000 })
    expect(await store.drained(5_000)).toBe(true)
    expect(await read('k')).toBe('cut')
    expect(await read('k99')).toBe('cut 99')
    expect(await read('gone')).toBe('tombstone')
  })
})

describe('what is received', () => {
  /** A heartbeat, unless `over` says otherwise. */
  const beat = (over: Partial<BatchHeader> = {}): Batch => {
    const log = { after: 0, first: 0, count: 0 }
    const facts = { v: 2, site: 'here', place: 'p', journal: 'j', writer: 1, lane: 0, head: 9 } as const
    const header = {
      ...facts,
      debt: 0,
      waiting: 0,
      now: Date.now(),
      invalidations: log,
      values: log,
      bumps: [],
      ...over,
    }
    return { header, invalidations: [], values: [] }
  }
  const receiving = (side = receivingSide()) => {
    closing.push(side.close)
    const receive = (over: Partial<BatchHeader> = {}) =>
      receiveBatch(beat(over), { ...side.receiving, announced: () => true, verify: () => true })
    return { side, receive }
  }

  it('Store J6: gives up all values of the site before it goes on after a gap, once a gap', async () => {
    const { side, receive } = receiving()
    await receive()
    expect(side.shared.floor('there')).toBe(0n)

    const missed = { invalidations: { after: 7, first: 0, count: 0 } }
    expect(await receive(missed)).toMatchObject({ kind: 'taken' })
    const floor = side.shared.floor('there')
    expect(floor).toBeGreaterThan(0n)
    await receive(missed)
    expect(side.shared.floor('there')).toBe(floor)

    await receive({ ...missed, journal: 'another' })
    expect(side.shared.floor('there')).toBeGreaterThan(floor)
  })

  it('Store J6: takes nothing after a gap when the values cannot be given up for good', async () => {
    const { side, receive } = receiving()
    await receive()
    side.shared.raise = async () => false

    expect(await receive({ journal: 'another' })).toMatchObject({ kind: 'refused' })

    expect((await side.ledger.find('here', 'p', 0)).row?.journal).toBe('j')
  })

  it('Store J6: believes another journal of a writer that has ended in order', async () => {
    const { side, receive } = receiving()
    await receive()
    await receive({ closed: true })
    expect(await side.ledger.all()).toEqual([])

    await receive({ journal: 'another' })

    expect(side.shared.floor('there')).toBe(0n)
  })

  it('Store J5: applies the bump of a namespace that found no room there before all else, or takes nothing', async () => {
    const { side, receive } = receiving()
    await side.store.put('shop', 'k', Buffer.from('old'), { stamp: 1n, ttlMs: -1 })
    const bumps = [{ namespace: 'shop', stamp: side.stampClock.next() }]

    expect(await receive({ bumps })).toMatchObject({ kind: 'taken' })
    expect(await side.read('k')).toBe('invalidated')

    await side.store.close()
    expect(await receive({ bumps })).toMatchObject({ kind: 'refused' })
  })

  it('is noted in the journal of this process before it is acknowledged, while a zone may lack it', async () => {
    const store = new MemoryStore({ zone: 'there', clock: systemClock })
    let owed = 0
    store.health = () => [{ zone: 'there', state: 'up', owed }]
    const { side } = receiving(receivingSide({ store }))
    const noted: string[] = []
    const { journal } = side
    const append = journal.append.bind(journal)
    const intend = journal.intend.bind(journal)
    journal.append = (operation, options) => {
      noted.push(`${operation.kind} ${operation.key} ${options?.local}`)
      return append(operation, options)
    }
    journal.intend = (intent) => {
      noted.push(`intent ${intent.key}`)
      return intend(intent)
    }
    const options = { ...side.receiving, announced: () => true, verify: () => true }
    const place = { namespace: 'shop', stamp: side.stampClock.next() }
    const set = { kind: 'set', ...place, key: 'a', value: Buffer.from('x'), flags: 0, expiresAtMs: 0 } as const

    // A value is answered before the slowest zone has it.
    await receiveBatch(batchOfOne(set), options)
    expect(noted.splice(0)).toEqual(['intent a'])
    await receiveBatch(batchOfOne({ kind: 'delete', ...place, key: 'b' }), options)
    expect(noted).toEqual([])
    owed = 1
    await receiveBatch(batchOfOne({ kind: 'delete', ...place, key: 'c' }), options)
    expect(noted).toEqual(['delete c true'])

    journal.append = () => ({ seq: 1, written: Promise.resolve(false), durable: Promise.resolve(false) })
    const refused = await receiveBatch(batchOfOne({ kind: 'delete', ...place, key: 'd' }), options)
    expect(refused).toMatchObject({ acknowledgement: { failed: 1, through: { invalidations: 0 } } })
  })
})
