/** Negative controls: each alters what a careless edge would, in front of the real one, and must be found. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { answer } from './wire-case.ts'

export interface Careless {
  readonly name: string
  readonly asks?: (request: string) => string
  readonly answers?: (answer: string) => string
  /** Nothing is passed on while more comes. */
  readonly buffers?: true
  /** Names of the cases that must find it. */
  readonly foundBy: readonly string[]
}

export const carelessEdges: readonly Careless[] = [
  {
    name: 'one header name in lower case',
    answers: (text) => text.replace(/\r\nX-DuP:/g, (name) => name.toLowerCase()),
    foundBy: ['reason phrase, duplicate and mixed-case headers of an answer'],
  },
  {
    name: 'a dropped header',
    answers: (text) => text.replace(/\r\nContent-MD5: [^\r]*/, ''),
    foundBy: ['a coding that nobody knows'],
  },
  {
    name: 'Content-Length dropped',
    answers: (text) => text.replace(/\r\nContent-Length: \d+/, ''),
    foundBy: ['HEAD'],
  },
  {
    name: 'one bit of the body turned',
    answers: (text) => text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) ^ 1),
    foundBy: ['every byte, up and down'],
  },
  {
    name: 'a decompressed body',
    answers: decompressed,
    foundBy: ['gzip unasked', 'gzip asked for'],
  },
  {
    name: 'an ETag made weak',
    answers: (text) => text.replace('\r\nETag: "', '\r\nETag: W/"'),
    foundBy: ['HEAD of br'],
  },
  {
    name: 'Set-Cookie joined',
    answers: (text) => text.replace(/\r\nSet-Cookie: b=2\r\nSet-Cookie: /, ', b=2, '),
    foundBy: ['several Set-Cookie, one with a comma'],
  },
  {
    name: 'a normalised path',
    asks: (text) => text.replace(/%[46][1-9A-F]|%7E/gi, decodeURIComponent).replace(/ \/\//, ' /'),
    foundBy: ['percent of what need not be', 'double slashes'],
  },
  {
    name: 'a followed redirect',
    answers: (text) => (/^HTTP\/1\.1 30[1-8]/.test(text) ? answer('200 OK', 'of elsewhere') : text),
    foundBy: ["302 Found is the client's to follow", "308 Permanent Redirect is the client's to follow"],
  },
  {
    name: 'a body dropped from a GET',
    asks: (text) => text.replace(/Content-Length: 2\r\n\r\nhi$/, '\r\n'),
    foundBy: ['GET with a body'],
  },
  { name: 'a held download', buffers: true, foundBy: ['a slow reader of a download holds its origin back'] },
  { name: 'buffered events', buffers: true, foundBy: ['an event stream, tick by tick'] },
]

function decompressed(text: string): string {
  const end = text.indexOf('\r\n\r\n') + 4
  const body = gunzipSync(Buffer.from(text.slice(end), 'latin1')).toString('latin1')
  const head = text.slice(0, end).replace('\r\nContent-Encoding: gzip', '')
  return head.replace(/Content-Length: \d+/, `Content-Length: ${body.length}`) + body
}

/** A proxy that collects each answer and passes it on altered. */
export async function startCareless(targetPort: number, { asks, answers, buffers }: Careless) {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1')
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    }
    client.on('data', (chunk) => target.write(asks === undefined ? chunk : altered(chunk.toString('latin1'), asks)))
    let received = ''
    let quiet: NodeJS.Timeout | undefined
    const pass = () => {
      if (received !== '') client.write(altered(received, answers))
      received = ''
    }
    target.on('data', (chunk) => {
      received += chunk.toString('latin1')
      clearTimeout(quiet)
      // The answer is whole when nothing more comes: this proxy need not be fast.
      quiet = setTimeout(pass, buffers ? longQuietMs : quietMs)
    })
    client.once('close', () => target.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close }
}

const quietMs = 25
/** Longer than a sender that is held back is watched. */
const longQuietMs = 400

function altered(text: string, alter: ((text: string) => string) | undefined): Buffer {
  return Buffer.from(alter === undefined ? text : alter(text), 'latin1')
}
