import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { createLog, silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { MetaNode } from '../../../gateway/store/meta-node.ts'
import type { NodeAccess } from '../../../gateway/store/node-connection.ts'
import type { Reply } from '../../../gateway/store/store-node.ts'
import { selfSigned } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { startMemcached, type TestServer } from '../../support/servers.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const deadlineMs = 1_000
const noFlags = { ttlSeconds: 0, flags: 0 }
const body = Buffer.from('value')
const none = Buffer.alloc(0)
const opened: MetaNode[] = []

const open = (port: number): MetaNode => {
  const node = new MetaNode({ host: '127.0.0.1', port }, { clock: systemClock, random: systemRandom, log: silentLog })
  opened.push(node)
  return node
}
const up = async (port: number): Promise<MetaNode> => {
  const node = open(port)
  await eventually(() => node.isUp, { what: 'the node connected' })
  return node
}
const codeOf = (reply: Reply): string => (reply.code === 'FAILED' ? reply.because : reply.code)
const timed = async (work: Promise<Reply>): Promise<{ code: string; ms: number }> => {
  const startedAt = performance.now()
  const code = codeOf(await work)
  return { code, ms: performance.now() - startedAt }
}

let memcached: TestServer
beforeAll(async () => {
  memcached = await startMemcached()
})
afterAll(() => kill(memcached))
// It takes its time over SIGTERM, and there is nothing to save.
const kill = async (server: TestServer): Promise<void> => {
  await server.process.stop('SIGKILL')
  await server.stop()
}

afterEach(() => {
  for (const node of opened.splice(0)) node.close()
})

describe('a node of real memcached', () => {
  it('answers each of many requests with its own value', async () => {
    const node = await up(memcached.port)
    const names = Array.from({ length: 500 }, (_, i) => `k${i}`)
    await Promise.all(names.map((name) => node.set(name, none, Buffer.from(`value of ${name}`), noFlags, deadlineMs)))

    const replies = await Promise.all(names.map((name) => node.get(name, 'v t', deadlineMs)))

    const values = replies.map((reply) => reply.code === 'VA' && reply.value?.toString())
    expect(values).toEqual(names.map((name) => `value of ${name}`))
  })

  it('is refused one value that is too large, and goes on', async () => {
    const node = await up(memcached.port)
    expect(node.itemSizeMax).toBe(1024 * 1024)

    const replies = await Promise.all([
      node.set('large', none, Buffer.alloc(2 * 1024 * 1024), noFlags, deadlineMs),
      node.set('small', none, body, noFlags, deadlineMs),
    ])

    expect(replies.map(codeOf)).toEqual(['SERVER_ERROR', 'HD'])
    expect(codeOf(await node.get('small', 'v t', deadlineMs))).toBe('VA')
  })

  it('Store M1, M10: delays nobody while it is frozen, and serves again when it wakes', async () => {
    const memcached = await startMemcached()
    const node = await up(memcached.port)
    await node.set('k', none, body, noFlags, deadlineMs)

    await memcached.process.freeze()
    const frozenAt = performance.now()
    const waits: { readonly at: number; readonly ms: number }[] = []
    // The deadline is nearly that of connecting: a request that waited for a reconnect would be seen.
    while (performance.now() - frozenAt < 1_200) {
      const at = performance.now() - frozenAt
      const { code, ms } = await timed(node.get('k', 'v t', 45))
      expect(['timeout', 'closed', 'refused']).toContain(code)
      waits.push({ at, ms })
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    memcached.process.signal('SIGCONT')

    const longest = (some: typeof waits): number => Math.max(...some.map(({ ms }) => ms))
    expect(longest(waits)).toBeLessThan(120)
    expect(longest(waits.filter(({ at }) => at > 300))).toBeLessThan(30)
    await eventually(async () => codeOf(await node.get('k', 'v t', deadlineMs)) === 'VA', { what: 'it serves again' })
    await kill(memcached)
  })

  it('Store M3, M10: fails at once after kill -9, and comes back with the process', async () => {
    const first = await startMemcached()
    const node = await up(first.port)
    await node.set('k', none, body, noFlags, deadlineMs)
    const startedAt = node.startedAtMs ?? 0

    await first.process.stop('SIGKILL')
    await eventually(async () => (await timed(node.get('k', 'v t', deadlineMs))).code === 'refused')
    const waits = []
    for (let i = 0; i < 20; i++) waits.push((await timed(node.get('k', 'v t', deadlineMs))).ms)
    expect(Math.max(...waits)).toBeLessThan(20)

    const second = await startMemcached([], first.port)
    await eventually(() => node.isUp)
    expect(codeOf(await node.get('k', 'v t', deadlineMs))).toBe('EN')
    expect(node.startedAtMs).toBeGreaterThanOrEqual(startedAt)
    await kill(second)
    await first.stop()
  })

  it('Store M2: gives no byte of a cut answer to a later request', async () => {
    await using proxy = await startFaultProxy(memcached.port)
    const node = await up(proxy.port)
    await node.set('long', none, Buffer.alloc(500, 'x'), noFlags, deadlineMs)
    await node.set('k', none, body, noFlags, deadlineMs)

    await proxy.set({ kind: 'cut', afterBytes: 100 })
    expect(codeOf(await node.get('long', 'v t', deadlineMs))).toBe('closed')
    await proxy.set({ kind: 'none' })

    await eventually(async () => codeOf(await node.get('k', 'v t', deadlineMs)) === 'VA')
    for (let i = 0; i < 50; i++) {
      const reply = await node.get('k', 'v t', deadlineMs)
      expect(reply.code === 'VA' && reply.value?.toString()).toBe('value')
    }
  })

  it('recovers from a black hole', async () => {
    await using proxy = await startFaultProxy(memcached.port)
    const node = await up(proxy.port)

    await proxy.set({ kind: 'black-hole' })
    for (let i = 0; i < 20; i++) expect((await timed(node.get('nobody', 'v t', 10))).ms).toBeLessThan(80)
    await proxy.set({ kind: 'none' })

    await eventually(async () => codeOf(await node.get('nobody', 'v t', deadlineMs)) === 'EN')
  })
})

const recordingLog = () => {
  const written: string[] = []
  const log = createLog({ program: 'test', destination: { write: (line) => void written.push(line) } })
  return { log, lines: () => written.join('') }
}

/** A node that answers the probe and then does as `answer` says. */
async function scripted(
  answer: (line: string, socket: Socket) => void,
  options: { readonly meta?: boolean; readonly onChunk?: (chunk: string) => void } = {},
): Promise<AsyncDisposable & { readonly port: number; accepted(): number }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      options.onChunk?.(String(chunk))
      for (const line of String(chunk).split('\r\n').slice(0, -1)) {
        const { meta = true } = options
        if (line === 'stats') socket.write('STAT uptime 5\r\nEND\r\n')
        else if (line === 'stats settings') socket.write('STAT item_size_max 1048576\r\nEND\r\n')
        else if (line === 'mn') socket.write(meta ? 'MN\r\n' : 'ERROR\r\n')
        else if (line.includes(' ~tidegate-probe ')) socket.write(meta ? `HD O${opaqueOf(line)}\r\n` : 'ERROR\r\n')
        else if (line !== '') answer(line, socket)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    accepted: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const opaqueOf = (line: string): string => / O(\d+)/.exec(line)?.[1] ?? ''

describe('a node', () => {
  it('Store M3: fails what is under way at once when the other side closes in good order', async () => {
    await using server = await scripted((_line, socket) => socket.end())
    const node = await up(server.port)

    const { code, ms } = await timed(node.get('k', 'v t', 5_000))

    expect(code).toBe('closed')
    expect(ms).toBeLessThan(500)
  })

  it('asks again at once over a new connection after a cut, and gets nothing of the old one', async () => {
    let asked = 0
    await using server = await scripted((line, socket) => {
      asked++
      if (asked === 2) socket.write(`VA 5 O${opaqueOf(line)}\r\nol`, () => socket.destroy())
      else socket.write(`VA 3 O${opaqueOf(line)}\r\nnew\r\n`)
    })
    const node = await up(server.port)
    await node.get('k', 'v t', deadlineMs)

    expect(codeOf(await node.get('k', 'v t', deadlineMs))).toBe('closed')

    for (let i = 0; i < 50; i++) {
      const reply = await node.get('k', 'v t', deadlineMs)
      expect(reply.code === 'VA' && reply.value?.toString()).toBe('new')
    }
  })

  it('Store M4, I10: hands out no answer that names another request', async () => {
    await using server = await scripted((line, socket) => socket.write(`EN O${Number(opaqueOf(line)) + 1}\r\n`))
    const node = await up(server.port)

    expect(codeOf(await node.get('k', 'v t', deadlineMs))).toBe('protocol')
  })

  it('does not believe a node that answers nobody', async () => {
    await using server = await scripted((line, socket) => socket.write(`EN O${opaqueOf(line)}\r\nEN O99\r\n`))
    const node = await up(server.port)

    expect(codeOf(await node.get('k', 'v t', deadlineMs))).toBe('EN')
    await eventually(() => server.accepted() === 2, { what: 'another connection' })
  })

  it('Store M5: writes what is asked in one turn of the event loop as one piece', async () => {
    const chunks: string[] = []
    await using server = await scripted((line, socket) => socket.write(`EN O${opaqueOf(line)}\r\n`), {
      onChunk: (chunk) => chunks.push(chunk),
    })
    const node = await up(server.port)
    chunks.length = 0

    await Promise.all(Array.from({ length: 100 }, () => node.get('k', 'v t', deadlineMs)))

    expect(chunks).toHaveLength(1)
  })

  it('Store M1: keeps each deadline, whatever is asked before and after', async () => {
    await using server = await scripted(() => undefined)
    const node = await up(server.port)

    const patient = timed(node.get('k', 'v t', 2_000))
    const hurried = timed(node.get('k', 'v t', 50))
    const asking = setInterval(() => void node.get('k', 'v t', 1_500), 5)
    const { code, ms } = await hurried
    clearInterval(asking)

    expect(code).toBe('timeout')
    expect(ms).toBeGreaterThan(40)
    expect(ms).toBeLessThan(500)
    // It shares the connection that has been given up, and must not wait on a dead one.
    expect((await patient).ms).toBeLessThan(500)
  })

  it('takes an answer that was there in time although this process was not', async () => {
    const node = await up(memcached.port)
    const pending = node.get('nobody', 'v t', 20)
    // The request leaves, then this process stands still for longer than the deadline.
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))

    const until = performance.now() + 100
    while (performance.now() < until);

    expect(codeOf(await pending)).toBe('EN')
  })

  it('Store M6: refuses more than it can have under way instead of letting it wait', async () => {
    await using server = await scripted(() => undefined)
    const node = await up(server.port)
    const many = Array.from({ length: 4_096 }, () => node.get('k', 'v t', 300))

    const extra = await timed(node.get('k', 'v t', 300))
    const bytes = await timed(node.set('k', none, Buffer.alloc(9 * 1024 * 1024), noFlags, 300))

    expect(extra).toMatchObject({ code: 'overload' })
    expect(bytes).toMatchObject({ code: 'overload' })
    expect(extra.ms).toBeLessThan(100)
    await Promise.all(many)
  })

  it('Store M10: opens its breaker after five failures in a row, and closes it by a probe', async () => {
    let answers = false
    await using server = await scripted((line, socket) => {
      if (answers) socket.write(`EN O${opaqueOf(line)}\r\n`)
      else socket.destroy()
    })
    const node = await up(server.port)

    await eventually(async () => {
      await node.get('k', 'v t', 50)
      return !node.isUp && (await timed(node.get('k', 'v t', 1_000))).ms < 5
    })
    answers = true

    await eventually(async () => codeOf(await node.get('k', 'v t', deadlineMs)) === 'EN')
  })

  it('Store M10: shuts a node out after five failures in a row, however soon they come', async () => {
    await using server = await scripted((_line, socket) => socket.destroy())
    const { log, lines } = recordingLog()
    const still = { ...systemClock, monotonic: () => 0 }
    const node = new MetaNode({ host: '127.0.0.1', port: server.port }, { clock: still, random: systemRandom, log })
    opened.push(node)

    await eventually(async () => {
      await node.get('k', 'v t', 50)
      return lines().includes('shut out')
    })
    expect(lines()).toContain('"failuresInRow":5')
  })

  it('lets nothing hang when it is closed', async () => {
    await using server = await scripted(() => undefined)
    const node = await up(server.port)
    const pending = node.get('k', 'v t', 60_000)

    node.close()

    expect(codeOf(await pending)).toBe('closed')
    expect(codeOf(await node.get('k', 'v t', 60_000))).toBe('closed')
  })
})

describe('who we are, and who the node is', () => {
  const access = (login?: { user: string; password: string }) => (login === undefined ? {} : { login })
  // By name: that is what the certificate vouches for.
  const openAs = (port: number, options: NodeAccess, log = silentLog): MetaNode => {
    const node = new MetaNode(
      { host: 'localhost', port },
      { clock: systemClock, random: systemRandom, log, access: options },
    )
    opened.push(node)
    return node
  }

  it('Store M10: logs in with user and password, and tells which of them is missing or wrong', async () => {
    await using folder = await temporaryFolder()
    const file = folder.file('users')
    await writeFile(file, 'shop:open-sesame\n', { mode: 0o600 })
    await using guarded = await startMemcached(['-Y', file])
    const { log, lines } = recordingLog()

    const node = openAs(guarded.port, access({ user: 'shop', password: 'open-sesame' }))
    await eventually(() => node.isUp, { what: 'logged in' })
    expect(codeOf(await node.set('k', none, body, noFlags, deadlineMs))).toBe('HD')
    const stranger = openAs(guarded.port, access(), log)
    const liar = openAs(guarded.port, access({ user: 'shop', password: 'wrong' }), log)

    await eventually(() => ['unauthenticated', 'wrong-password'].every((each) => lines().includes(each)))
    expect([stranger.isUp, liar.isUp]).toEqual([false, false])
    expect(codeOf(await liar.get('k', 'v', deadlineMs))).toBe('refused')
  })

  it('Store M10: speaks TLS with a node whose certificate the authority vouches for, and with no other', async () => {
    const { key, cert } = await selfSigned('localhost')
    const other = await selfSigned('localhost')
    await using folder = await temporaryFolder()
    const [keyFile, certFile] = [folder.file('key.pem'), folder.file('cert.pem')]
    await Promise.all([writeFile(keyFile, key), writeFile(certFile, cert)])
    await using secured = await startMemcached(['-Z', '-o', `ssl_chain_cert=${certFile},ssl_key=${keyFile}`])

    const node = openAs(secured.port, { tls: { ca: cert } })
    await eventually(() => node.isUp, { what: 'connected by TLS' })
    const large = Buffer.alloc(900_000, 'x')
    expect(codeOf(await node.set('k', none, large, noFlags, deadlineMs))).toBe('HD')
    const reply = await node.get('k', 'v', deadlineMs)
    expect(reply.code === 'VA' && reply.value?.equals(large)).toBe(true)

    const misled = openAs(secured.port, { tls: { ca: other.cert } })
    expect(codeOf(await misled.get('k', 'v', 400))).not.toBe('VA')
    expect(misled.isUp).toBe(false)
  })

  it('Store M9: is refused with the fix when the node has no meta commands', async () => {
    await using server = await scripted(() => undefined, { meta: false })
    const { log, lines } = recordingLog()

    const node = openAs(server.port, {}, log)

    await eventually(() => lines().includes('no-meta'))
    expect(lines()).toContain('driver memjs')
    expect(codeOf(await node.get('k', 'v', deadlineMs))).toBe('protocol')
  })

  it('Store M9: learns by trying, not from the version, what a node can do', async () => {
    const node = await up(memcached.port)

    expect(node.tellsCas).toBe(true)
    const stored = await node.set('told', none, body, { ...noFlags, tellCas: true }, deadlineMs)
    expect(await node.get('told', 'v c', deadlineMs)).toMatchObject({ cas: stored.code === 'HD' ? stored.cas : '' })
  })
})
