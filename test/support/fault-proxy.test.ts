import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from './eventually.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'

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
})
