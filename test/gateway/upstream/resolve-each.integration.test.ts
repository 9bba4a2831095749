import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, expect, it } from 'vitest'
import { resolveByDns } from '../../../gateway/upstream/resolve-each.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { openServiceBed } from './service-bed.ts'

interface NameServer extends AsyncDisposable {
  /** `host:port` */
  readonly address: string
  answer: { addresses: string[]; ttl: number } | 'silence'
  readonly questions: () => number
}

/** Answers A questions with what the test says, and AAAA ones with nothing. RFC 1035 section 4.1. */
async function nameServer(addresses: string[], ttl = 1): Promise<NameServer> {
  const socket = createSocket('udp4')
  let questions = 0
  const server: NameServer = {
    address: '',
    answer: { addresses, ttl },
    questions: () => questions,
    [Symbol.asyncDispose]: async () => void socket.close(),
  }
  socket.on('message', (query, from) => {
    questions++
    const { answer } = server
    if (answer === 'silence') return
    const end = query.indexOf(0, 12) + 5
    const isA = query.readUInt16BE(end - 4) === 1
    const found = isA ? answer.addresses : []
    const head = Buffer.alloc(12)
    query.copy(head, 0, 0, 2)
    head.writeUInt16BE(0x8180, 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(found.length, 6)
    const records = found.map((address) => {
      const record = Buffer.alloc(16)
      record.writeUInt16BE(0xc00c, 0)
      record.writeUInt16BE(1, 2)
      record.writeUInt16BE(1, 4)
      record.writeUInt32BE(answer.ttl, 6)
      record.writeUInt16BE(4, 10)
      record.set(address.split('.').map(Number), 12)
      return record
    })
    socket.send(Buffer.concat([head, query.subarray(12, end), ...records]), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return Object.assign(server, { address: `127.0.0.1:${socket.address().port}` })
}

describe('a deployment with `resolve: each`', () => {
  it('has each address behind its name as an instance, follows the name, and keeps the last answer while nobody answers', async () => {
    await using names = await nameServer(['127.0.0.1', '127.0.0.2'])
    const port = await freePort()
    const seen = new Map<string, number>()
    const hosts = new Set<string | undefined>()
    const server = createServer((message, response) => {
      const address = message.socket.localAddress ?? ''
      seen.set(address, (seen.get(address) ?? 0) + 1)
      hosts.add(message.headers.host)
      response.end('ok')
    }).listen(port, '0.0.0.0')
    await once(server, 'listening')
    await using bed = await openServiceBed({
      deployment: { url: `http://orders.test:${port}`, resolve: 'each' },
      resolver: names.address,
    })
    const ask = async (times: number) => {
      for (let at = 0; at < times; at++) expect((await fetch(bed.url)).status).toBe(200)
    }

    await ask(20)
    expect([...seen.keys()].toSorted()).toEqual(['127.0.0.1', '127.0.0.2'])
    expect([...hosts]).toEqual(['api.example.com'])

    names.answer = { addresses: ['127.0.0.3'], ttl: 1 }
    await eventually(
      () =>
        bed
          .status()
          .endpoints.map(({ id }) => id)
          .join() === `orders@127.0.0.3:${port}`,
    )
    await ask(3)
    expect(seen.get('127.0.0.3')).toBe(3)

    names.answer = 'silence'
    const before = names.questions()
    await eventually(() => names.questions() > before)
    await ask(3)
    expect(seen.get('127.0.0.3')).toBe(6)
    server.closeAllConnections()
    server.close()
  })

  it('answers 502 upstream-dns while its name was never found', async () => {
    await using names = await nameServer([])
    await using bed = await openServiceBed({
      deployment: { url: 'http://nobody.test:80', resolve: 'each' },
      resolver: names.address,
    })

    const answer = await fetch(bed.url)

    expect([answer.status, answer.headers.get('x-code')]).toEqual([502, 'upstream-dns'])
  })

  it('is looked up again as its TTL says, never more often than once a second', async () => {
    await using names = await nameServer(['127.0.0.1'], 0)

    const { ttlMs } = await resolveByDns(names.address)('orders.test')
    names.answer = { addresses: ['127.0.0.1'], ttl: 20 }
    const later = await resolveByDns(names.address)('orders.test')

    expect([ttlMs, later.ttlMs]).toEqual([1_000, 20_000])
  })
})
