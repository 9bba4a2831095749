import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from './eventually.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { freePort } from './free-port.ts'

/** Answers what it is told, letter by letter in capitals. */
const origin = createServer((socket) => {
  socket.on('error', () => {})
  socket.on('data', (chunk) => socket.write(chunk.toString('latin1').toUpperCase()))
})
let originPort = 0

beforeAll(async () => {
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  originPort = (origin.address() as AddressInfo).port
})
afterAll(() => origin.close())

interface Caller {
  readonly socket: Socket
  heard: string
  ended: string
}

async function call(proxy: FaultProxy): Promise<Caller> {
  const socket = connect(proxy.port, '127.0.0.1')
  const caller: Caller = { socket, heard: '', ended: '' }
  socket.on('data', (chunk) => {
    caller.heard += chunk.toString('latin1')
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    caller.ended = error.code ?? 'error'
  })
  socket.on('close', () => {
    caller.ended ||= 'end'
  })
  await eventually(() => !socket.connecting || caller.ended)
  return caller
}

describe('the fault proxy', () => {
  it('passes bytes both ways when nothing is wrong', async () => {
    await using proxy = await startFaultProxy(originPort)
    const caller = await call(proxy)

    caller.socket.write('hello')

    await eventually(() => caller.heard === 'HELLO')
    expect(proxy.accepted).toBe(1)
  })

  it('delays answers, in order', async () => {
    await using proxy = await startFaultProxy(originPort)
    await proxy.set({ kind: 'latency', ms: 80 })
    const caller = await call(proxy)
    const started = performance.now()

    caller.socket.write('one')
    await eventually(() => caller.heard === 'ONE')

    expect(performance.now() - started).toBeGreaterThanOrEqual(79)
    caller.socket.write('two')
    await proxy.set({ kind: 'none' })
    caller.socket.write('three')
    await eventually(() => caller.heard === 'ONETWOTHREE')
  })

  it('cuts an answer in the middle', async () => {
    await using proxy = await startFaultProxy(originPort)
    const caller = await call(proxy)
    await proxy.set({ kind: 'cut', afterBytes: 3 })

    caller.socket.write('hello')

    await eventually(() => caller.ended)
    expect([caller.heard, caller.ended]).toEqual(['HEL', 'ECONNRESET'])
  })

  it('swallows everything, and lets it through when it is mended', async () => {
    await using proxy = await startFaultProxy(originPort)
    const before = await call(proxy)
    await proxy.set({ kind: 'black-hole' })
    const during = await call(proxy)

    before.socket.write('a')
    during.socket.write('b')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect([before.heard, during.heard, before.ended, during.ended]).toEqual(['', '', '', ''])

    await proxy.set({ kind: 'none' })
    await eventually(() => before.heard === 'A' && during.heard === 'B')
  })

  it('refuses, resets what was open, and comes back on the same port', async () => {
    await using proxy = await startFaultProxy(originPort)
    const open = await call(proxy)

    await proxy.set({ kind: 'refuse' })
    const refused = await call(proxy)
    await eventually(() => open.ended && refused.ended)
    await proxy.set({ kind: 'none' })
    const again = await call(proxy)
    again.socket.write('back')

    expect(refused.ended).toBe('ECONNREFUSED')
    await eventually(() => again.heard === 'BACK')
  })

  it('keeps the order of pieces that wait for different times, and the times are those of the seed', async () => {
    const heard: string[] = []
    for (const seed of [7, 7, 8]) {
      await using proxy = await startFaultProxy(originPort, { latency: { ms: 5, jitterMs: 60 }, seed })
      const caller = await call(proxy)
      const times: number[] = []
      for (const letter of ['a', 'b', 'c']) {
        const started = performance.now()
        caller.socket.write(letter)
        await eventually(() => caller.heard.endsWith(letter.toUpperCase()), { everyMs: 1 })
        times.push(Math.round((performance.now() - started) / 20))
      }
      caller.socket.write('d')
      caller.socket.write('e')
      await eventually(() => caller.heard.length === 5)
      heard.push(caller.heard, times.join())
    }

    expect([heard[0], heard[2], heard[4]]).toEqual(['ABCDE', 'ABCDE', 'ABCDE'])
    expect(heard[1]).not.toBe(heard[5])
  })

  it('has a way of its own length, whatever else is wrong with it', async () => {
    await using proxy = await startFaultProxy(originPort, { latency: { ms: 40, requestMs: 40 } })
    await proxy.set({ kind: 'cut', afterBytes: 4 })
    const caller = await call(proxy)
    const started = performance.now()

    caller.socket.write('hello')
    await eventually(() => caller.ended)

    expect(caller.heard).toBe('HELL')
    expect(performance.now() - started).toBeGreaterThanOrEqual(79)
  })

  it('leaves what is open without its other end and without a word, also when it is mended, and passes what is new', async () => {
    await using proxy = await startFaultProxy(originPort)
    const before = await call(proxy)
    await proxy.set({ kind: 'half-open' })
    const during = await call(proxy)

    before.socket.write('a')
    during.socket.write('b')
    await eventually(() => during.heard === 'B')
    await proxy.set({ kind: 'none' })
    during.socket.write('c')
    await eventually(() => during.heard === 'BC')

    expect([before.heard, before.ended]).toEqual(['', ''])
    before.socket.destroy()
  })

  it('lets so many bytes a second through, and the rest at once when it is mended', async () => {
    await using proxy = await startFaultProxy(originPort)
    const caller = await call(proxy)
    await proxy.set({ kind: 'bandwidth', bytesPerSecond: 20 })
    const started = performance.now()

    caller.socket.write('slowly!')
    // Each byte is held once on its way there and once on its way back.
    await eventually(() => caller.heard === 'SLOW')
    expect(performance.now() - started).toBeGreaterThanOrEqual(148)
    await proxy.set({ kind: 'bandwidth', bytesPerSecond: 1 })
    await proxy.set({ kind: 'none' })

    await eventually(() => caller.heard === 'SLOWLY!')
  })

  it('says nothing in a black hole, not even that nobody listens behind it', async () => {
    await using proxy = await startFaultProxy(await freePort())
    await proxy.set({ kind: 'black-hole' })
    const caller = await call(proxy)

    caller.socket.write('a')
    await new Promise((resolve) => setTimeout(resolve, 50))

    expect(caller.ended).toBe('')
    caller.socket.destroy()
  })
})
