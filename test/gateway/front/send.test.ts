import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { systemRandom } from '#server-kit/random.ts'
import type { Answer } from '../../../gateway/answer.ts'
import { send } from '../../../gateway/front/send.ts'
import { Streams } from '../../../gateway/front/streams.ts'
import { Tunnels } from '../../../gateway/front/tunnels.ts'
import { within } from '../../support/eventually.ts'
import { exchangeOf } from '../exchange.ts'

const sending = { streams: new Streams(), tunnels: new Tunnels(systemRandom), takingMs: 60_000 }
const whole = Buffer.alloc(32 * 1024 * 1024)
const bodies: readonly [string, Answer['body']][] = [
  ['an answer at hand', whole],
  ['the rest of a stream', { flow: (sink) => sink.end(whole), resume: () => undefined, cancel: () => undefined }],
]

describe('a client that asks and never reads', () => {
  it.each(bodies)('does not keep its place for %s', async (_, body) => {
    const asked = Promise.withResolvers<ServerResponse>()
    const server = createServer((_request, response) => asked.resolve(response)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
    client.on('error', () => undefined)
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const response = await asked.promise
    const closed = once(response, 'close')

    send(exchangeOf(), response, { status: 200, reason: '', headers: [], body }, () => undefined, {
      ...sending,
      takingMs: 50,
    })

    await within(2_000, 'the end of the answer', closed)
    expect(response.writableFinished).toBe(false)
    client.destroy()
    server.close()
  })
})

describe('an answer that breaks off behind another one on its connection', () => {
  it('ends the connection when its turn comes, and leaves nobody behind it waiting', async () => {
    const responses: ServerResponse[] = []
    const three = Promise.withResolvers<void>()
    const server = createServer((_request, response) => {
      if (responses.push(response) === 3) three.resolve()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    let received = ''
    client.on('data', (chunk) => {
      received += chunk
    })
    client.on('error', () => undefined)
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3))
    await three.promise
    const [first, second, third] = responses as [ServerResponse, ServerResponse, ServerResponse]
    const broken: Answer['body'] = {
      flow: (sink) => sink.fail(new Error('cut')),
      resume: () => undefined,
      cancel: () => undefined,
    }

    send(exchangeOf(), second, { status: 200, reason: '', headers: [], body: broken }, () => undefined, sending)
    send(
      exchangeOf(),
      third,
      { status: 200, reason: '', headers: [], body: Buffer.from('third') },
      () => undefined,
      sending,
    )
    const closed = once(client, 'close')
    send(
      exchangeOf(),
      first,
      { status: 200, reason: '', headers: [], body: Buffer.from('first') },
      () => undefined,
      sending,
    )

    await within(2_000, 'the end of the connection', closed)
    expect(received).toContain('first')
    expect(received).not.toContain('third')
    server.close()
  })
})
