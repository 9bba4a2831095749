import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Header } from 'memjs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { MemcachedStore } from '../../../gateway/store/memcached-store.ts'
import { MemjsNode } from '../../../gateway/store/memjs-node.ts'
import type { NodeAccess } from '../../../gateway/store/node-connection.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import type { Reply } from '../../../gateway/store/store-node.ts'
import { cacheStoreContract } from '../../contracts/cache-store.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { startMemcached, type TestServer } from '../../support/servers.ts'

const deadlineMs = 1_000
const parts = { clock: systemClock, random: systemRandom, log: silentLog }
const stamps = new StampClock(systemClock, 1)
const none = Buffer.alloc(0)
const plain = { ttlSeconds: 0, flags: 0 }

let servers: TestServer[] = []
const stores: MemcachedStore[] = []
const nodes: MemjsNode[] = []
beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached()])
})
afterEach(() => {
  for (const node of nodes.splice(0)) node.close()
})
afterAll(async () => {
  for (const store of stores) await store.close()
  for (const server of servers) await server.stop()
})

cacheStoreContract('a zone of two memcached that are spoken to by memjs', {
  make: async () => {
    const store = new MemcachedStore({
      ...parts,
      zone: 'binary',
      ring: 'ketama',
      nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
      newStamp: () => stamps.next(),
      openNode: (address) => new MemjsNode(address, parts),
      writeDeadlineMs: 1_000,
    })
    stores.push(store)
    await eventually(() => store.health().every(({ state }) => state === 'up'))
    return store
  },
})

const up = async (port: number, access: NodeAccess = {}): Promise<MemjsNode> => {
  const node = new MemjsNode({ host: '127.0.0.1', port }, { ...parts, access })
  nodes.push(node)
  await eventually(() => node.isUp, { what: 'the node connected' })
  return node
}
const codeOf = (reply: Reply): string => (reply.code === 'FAILED' ? reply.because : reply.code)
const port = (): number => servers[0]?.port ?? 0

describe('a node by memjs', () => {
  it('swaps by the number that the node gave, and adds, replaces and deletes', async () => {
    const node = await up(port())
    const set = (text: string, guard?: { cas: string } | 'absent' | 'present') =>
      node.set('swapped', none, Buffer.from(text), { ttlSeconds: 60, flags: 0xfffffffe, guard }, deadlineMs)

    expect(codeOf(await set('none', 'present'))).toBe('NS')
    const added = await set('one', 'absent')
    const cas = added.code === 'HD' ? added.cas : ''
    expect(codeOf(await set('again', 'absent'))).toBe('NS')
    expect(await node.get('swapped', 'v t c f', deadlineMs)).toMatchObject({ code: 'VA', cas, flags: 0xfffffffe })
    expect(codeOf(await set('two', { cas }))).toBe('HD')
    expect(codeOf(await set('three', { cas }))).toBe('EX')
    expect(codeOf(await node.touch('swapped', 100, deadlineMs))).toBe('HD')
    expect(codeOf(await node.delete('swapped', cas, deadlineMs))).toBe('EX')
    expect(codeOf(await node.delete('swapped', undefined, deadlineMs))).toBe('HD')
    expect(codeOf(await set('four', { cas }))).toBe('NF')
    expect(codeOf(await node.get('swapped', 'c', deadlineMs))).toBe('EN')
    expect(codeOf(await node.set('large', none, Buffer.alloc(2 ** 21), plain, deadlineMs))).toBe('SERVER_ERROR')
  })

  it('Store F1: fails within the deadline while the node is frozen, and serves again when it wakes', async () => {
    const memcached = await startMemcached()
    const node = await up(memcached.port)
    await node.set('k', none, Buffer.from('x'), plain, deadlineMs)

    await memcached.process.freeze()
    // Those that are asked after it put its deadline off in memjs by itself.
    const asking = setInterval(() => void node.get('k', 'v', 400), 5)
    const startedAt = performance.now()
    const code = codeOf(await node.get('k', 'v', 50))
    const waitedMs = performance.now() - startedAt
    clearInterval(asking)
    memcached.process.signal('SIGCONT')

    expect(code).toBe('timeout')
    expect(waitedMs).toBeLessThan(300)
    await eventually(async () => codeOf(await node.get('k', 'v', deadlineMs)) === 'VA', { what: 'it serves again' })
    await memcached.process.stop('SIGKILL')
    await memcached.stop()
  })

  it('Store F1: gives no byte of a cut answer to a later request', async () => {
    await using proxy = await startFaultProxy(port())
    const node = await up(proxy.port)
    await node.set('long', none, Buffer.alloc(500, 'x'), plain, deadlineMs)
    await node.set('k', none, Buffer.from('value'), plain, deadlineMs)

    await proxy.set({ kind: 'cut', afterBytes: 100 })
    expect(codeOf(await node.get('long', 'v', deadlineMs))).toBe('closed')
    await proxy.set({ kind: 'none' })

    await eventually(async () => codeOf(await node.get('k', 'v', deadlineMs)) === 'VA')
    for (let i = 0; i < 50; i++) {
      const reply = await node.get('k', 'v', deadlineMs)
      expect(reply.code === 'VA' && reply.value?.toString()).toBe('value')
    }
  })

  it('Store F1: fails what is under way at once when the other side closes in good order', async () => {
    await using server = await binaryServer((socket) => socket.end())
    const node = await up(server.port)

    const startedAt = performance.now()
    expect(codeOf(await node.get('k', 'v', 5_000))).toBe('closed')
    expect(performance.now() - startedAt).toBeLessThan(500)
  })

  it('says by SASL who it is, and nobody that the environment names', async () => {
    const said: string[] = []
    await using server = await binaryServer(
      () => undefined,
      (login) => said.push(login),
    )

    await up(server.port, { login: { user: 'shop', password: 'open sesame' } })
    expect(said).toEqual(['\0shop\0open sesame'])

    process.env['MEMCACHIER_USERNAME'] = 'somebody'
    process.env['MEMCACHIER_PASSWORD'] = 'else'
    await up(server.port)
    delete process.env['MEMCACHIER_USERNAME']
    delete process.env['MEMCACHIER_PASSWORD']
    expect(said).toHaveLength(1)
  })
})

/** Answers stats and SASL; what else comes is left to `answer`. */
async function binaryServer(
  answer: (socket: Socket) => void,
  login: (text: string) => void = () => undefined,
): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>()
  const reply = (socket: Socket, opcode: number, opaque: number, body = ''): void => {
    const header = Header.toBuffer({
      magic: 0x81,
      opcode,
      keyLength: 0,
      extrasLength: 0,
      totalBodyLength: body.length,
      opaque,
    })
    socket.write(Buffer.concat([header, Buffer.from(body)]))
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    let held = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk])
      while (held.length >= 24 && held.length >= 24 + held.readUInt32BE(8)) {
        const { opcode, opaque, totalBodyLength, keyLength } = Header.fromBuffer(held)
        const body = held.subarray(24, 24 + totalBodyLength)
        held = held.subarray(24 + totalBodyLength)
        if (opcode === 0x10) reply(socket, opcode, opaque)
        else if (opcode === 0x20) reply(socket, opcode, opaque, 'PLAIN')
        else if (opcode === 0x21) {
          login(body.subarray(keyLength).toString())
          reply(socket, opcode, opaque)
        } else answer(socket)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
