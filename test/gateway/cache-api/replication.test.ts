import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock as clock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { installProblemReplies } from '#server-kit/problem-reply.ts'
import { systemRandom } from '#server-kit/random.ts'
import { type ReceivedCall, replicationRoutes } from '../../../gateway/cache-api/replication.ts'
import { DoubleWriter } from '../../../gateway/store/double-writer.ts'
import { HttpPeer } from '../../../gateway/store/http-peer.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { Shipper } from '../../../gateway/store/shipper.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { eventually, within } from '../../support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function twoSites() {
  const there = new MemoryStore({ zone: 'there', clock })
  const app: FastifyInstance = Fastify()
  installProblemReplies(app, { audience: 'operator', log: silentLog })
  const calls: ReceivedCall[] = []
  await app.register(replicationRoutes, {
    store: there,
    clock,
    stampClock: new StampClock(clock, 2),
    log: silentLog,
    verify: (call) => {
      calls.push(call)
      return call.headers['x-signed'] === `${call.method} ${call.target} ${call.body.length}`
    },
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const proxy: FaultProxy = await startFaultProxy(port)
  closing.push(
    () => app.close(),
    () => proxy.close(),
  )

  const stamps = new StampClock(clock, 1)
  const peer = new HttpPeer({
    origin: `http://127.0.0.1:${proxy.port}`,
    sign: (method, target, body) => ({ 'x-signed': `${method} ${target} ${body.length}` }),
    deadlineMs: 500,
    connectDeadlineMs: 200,
  })
  const shipper = new Shipper({
    to: 'there',
    site: 'here',
    writer: 1,
    peer,
    clock,
    random: systemRandom,
    log: silentLog,
    background: new Background(silentLog),
  })
  const store = new DoubleWriter({
    inner: new MemoryStore({ zone: 'here', clock }),
    shippers: [shipper],
    stamps,
    clock,
  })
  closing.push(() => store.close())
  const put = (key: string, value: string) =>
    store.put('shop', key, Buffer.from(value), { stamp: stamps.next(), ttlMs: 60_000, contentType: 'a/b' })
  const del = (key: string) => store.delete('shop', key, { stamp: stamps.next() })
  const read = async (key: string): Promise<string> => {
    const found = await there.get('shop', key)
    return found.kind === 'hit' ? found.value.toString() : found.because
  }
  return { app, proxy, port, calls, store, put, del, read }
}

describe('replication over HTTP', () => {
  it('brings each write to the other site, signed', async () => {
    const { store, put, del, read, calls } = await twoSites()
    for (let i = 0; i < 1_500; i++) await put(`k${i}`, `${i}`)
    await del('k7')

    expect(await store.drained(5_000)).toBe(true)

    expect(await read('k1499')).toBe('1499')
    expect(await read('k7')).toBe('tombstone')
    expect(calls.every(({ method, target }) => `${method} ${target}` === 'POST /gateway/v1/cache/replicate')).toBe(true)
  })

  it('takes nothing that is not signed, not a batch, or too large', async () => {
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
    expect(await send(Buffer.alloc(5 * 1024 * 1024), { 'content-type': type })).toMatch(/^413 /)
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
