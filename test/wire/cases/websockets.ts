import { acceptOf, closing, type Frame, frame, opcodes, readFrame } from '../websocket-frames.ts'
import { answer, everyByte, get, head, type Line, send, type WireCase } from '../wire-case.ts'
import type { WireEnd } from '../wire-end.ts'

const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const wants = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${key}`,
  'Sec-WebSocket-Protocol: chat.v2, chat.v1',
]
const { text, binary, continuation, close, ping, pong } = opcodes
const masked = { masked: true }

interface Opened {
  readonly client: WireEnd
  readonly origin: WireEnd
  readonly asked: string
  readonly answered: string
}

async function open(line: Line, ...more: readonly string[]): Promise<Opened> {
  const client = await line.client()
  await client.send(get('/talk/live', ...wants, ...more))
  const origin = await line.origin()
  const asked = await origin.head()
  await origin.send(
    head(
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${acceptOf(fieldOf(asked, 'sec-websocket-key'))}`,
      'Sec-WebSocket-Protocol: chat.v1',
    ),
  )
  return { client, origin, asked, answered: await client.head() }
}

function fieldOf(message: string, name: string): string {
  return new RegExp(`\r\n${name}: *([^\r]*)`, 'i').exec(message)?.[1] ?? 'none'
}

const told = ({ opcode, payload, final }: Frame) =>
  `${opcode}${final ? '' : '...'} ${payload.length > 40 ? `${payload.length} bytes` : JSON.stringify(payload)}`

export const websockets: readonly WireCase[] = [
  {
    name: 'a WebSocket opens with the subprotocol that the origin chose',
    talk: async (line) => {
      const { asked, answered } = await open(line)
      return [
        fieldOf(asked, 'upgrade'),
        fieldOf(asked, 'sec-websocket-version'),
        fieldOf(asked, 'sec-websocket-protocol'),
        answered.slice(0, 12),
        fieldOf(answered, 'sec-websocket-protocol'),
        fieldOf(answered, 'sec-websocket-accept') === acceptOf(key) ? 'accepted' : 'not accepted',
      ]
    },
  },
  {
    name: 'the key of a WebSocket',
    talk: async (line) => {
      const { asked } = await open(line)
      return [fieldOf(asked, 'sec-websocket-key') === key ? 'the client’s' : 'the edge’s']
    },
    instead: { as: 'websocket-keys', saw: ['the edge’s'] },
  },
  {
    name: 'an origin that refuses a WebSocket',
    talk: async (line) => {
      const client = await line.client()
      await client.send(get('/talk/live', ...wants))
      const origin = await line.origin()
      await origin.head()
      await origin.send(`${head('HTTP/1.1 403 Forbidden', 'Content-Length: 2', 'Connection: close')}no`)
      return [(await client.until('\r\n\r\nno')).slice(0, 22)]
    },
  },
  {
    name: 'a POST that asks for an upgrade',
    request: send('POST', 'hi', ...wants),
    answer: answer('200 OK', 'fine'),
  },
  {
    name: 'an upgrade without a key',
    request: get('/v1/orders', 'Upgrade: websocket', 'Connection: Upgrade'),
    answer: answer('200 OK', 'fine'),
  },
  {
    name: 'an upgrade without Connection',
    request: get('/v1/orders', 'Upgrade: websocket'),
    answer: answer('200 OK', 'fine'),
  },
  {
    name: 'an origin that accepts another key',
    talk: async (line) => {
      const client = await line.client()
      await client.send(get('/talk/live', ...wants))
      const origin = await line.origin()
      await origin.head()
      await origin.send(head('HTTP/1.1 101 Switching Protocols', ...wants.slice(0, 2), 'Sec-WebSocket-Accept: other'))
      return [(await client.head()).slice(9, 12)]
    },
    instead: { as: 'origin-broken', saw: ['502'] },
  },
  {
    name: 'an upgrade to what is no WebSocket',
    request: get('/v1/orders', 'Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABk'),
    answer: answer('200 OK', 'fine'),
  },
  {
    name: 'texts and bytes of every length, both ways',
    talk: async (line) => {
      const { client, origin } = await open(line)
      const saw: string[] = []
      for (const [opcode, payload] of [
        [text, 'hi'],
        [text, ''],
        [binary, everyByte(1)],
        [binary, everyByte(300)],
      ] as const) {
        await client.send(frame(opcode, payload, masked))
        const came = await readFrame(origin)
        await origin.send(frame(opcode, payload))
        const back = await readFrame(client)
        saw.push(told(came), told(back), came.payload === payload && back.payload === payload ? 'same' : 'other')
      }
      return saw
    },
  },
  {
    name: 'a message in fragments',
    talk: async (line) => {
      const { client, origin } = await open(line)
      await client.send(frame(text, 'one ', { masked: true, final: false }))
      await client.send(frame(continuation, 'two ', { masked: true, final: false }))
      await client.send(frame(continuation, 'three', masked))
      const saw: string[] = []
      for (let last = false; !last; ) {
        const came = await readFrame(origin)
        saw.push(told(came))
        last = came.final
      }
      return saw
    },
  },
  {
    name: 'a ping of the client',
    talk: async (line) => {
      const { client, origin } = await open(line)
      await client.send(frame(ping, 'are you there', masked))
      const came = await readFrame(origin)
      await origin.send(frame(pong, 'are you there'))
      return [told(came), told(await readFrame(client))]
    },
  },
  {
    name: 'a ping of the origin',
    talk: async (line) => {
      const { client, origin } = await open(line)
      await origin.send(frame(ping, 'and you'))
      const came = await readFrame(client)
      await client.send(frame(pong, 'and you', masked))
      return [told(came), told(await readFrame(origin))]
    },
  },
  ...([1000, 1001, 4001] as const).map(
    (code): WireCase => ({
      name: `a client that closes with ${code}`,
      talk: async (line) => {
        const { client, origin } = await open(line)
        await client.send(frame(close, closing(code, 'bye'), masked))
        const came = await readFrame(origin)
        await origin.send(frame(close, closing(code, 'bye')))
        origin.end()
        return [told(came), told(await readFrame(client))]
      },
    }),
  ),
  {
    name: 'an origin that closes with a code of its own',
    talk: async (line) => {
      const { client, origin } = await open(line)
      await origin.send(frame(close, closing(4999, 'over')))
      const came = await readFrame(client)
      await client.send(frame(close, closing(4999, 'over'), masked))
      return [told(came), told(await readFrame(origin))]
    },
  },
  {
    name: 'a close without a code',
    talk: async (line) => {
      const { client, origin } = await open(line)
      await client.send(frame(close, '', masked))
      const came = await readFrame(origin)
      return [told(came)]
    },
  },
  {
    name: 'a client that resets its WebSocket',
    talk: async (line) => {
      const { client, origin } = await open(line)
      await client.send(frame(text, 'hi', masked))
      await readFrame(origin)
      client.reset()
      const { text: rest, left } = await origin.rest()
      return [`close frame: ${rest !== ''}`, `the origin sees it: ${left}`]
    },
    instead: { as: 'reset-told-as-end', saw: ['close frame: false', 'the origin sees it: ended'] },
  },
  {
    name: 'an origin that resets its WebSocket',
    talk: async (line) => {
      const { client, origin } = await open(line)
      await origin.send(frame(text, 'hi'))
      await readFrame(client)
      origin.reset()
      const { text: rest, left } = await client.rest()
      return [`close frame: ${rest !== ''}`, `the client sees it: ${left}`]
    },
    instead: { as: 'reset-told-as-end', saw: ['close frame: false', 'the client sees it: ended'] },
  },
  {
    name: 'a WebSocket whose client offers to compress',
    talk: async (line) => {
      const { asked, answered } = await open(line, 'Sec-WebSocket-Extensions: permessage-deflate')
      return [fieldOf(asked, 'sec-websocket-extensions'), fieldOf(answered, 'sec-websocket-extensions')]
    },
  },
]
