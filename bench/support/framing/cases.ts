import { seededRandom } from '#server-kit/random.ts'

/** One connection's worth of bytes, and where a sender cuts them into packets. */
export interface Case {
  readonly id: number
  readonly pieces: readonly Buffer[]
  readonly bytes: string
}

/** The same seed gives the same cases. Each target tells its case: `/v1/ID-n`, and `/v1/ID-inner` for one that stands in a body. */
export function* makeCases(seed: number, count: number): Generator<Case> {
  const dice = new Dice(seed)
  for (let id = 1; id <= count; id++) {
    const bytes = spoilt(dice, connection(dice, id))
    yield { id, bytes, pieces: cut(dice, Buffer.from(bytes, 'latin1')) }
  }
}

class Dice {
  readonly #random: { next(): number }
  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }
  below(limit: number): number {
    return Math.floor(this.#random.next() * limit)
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }
}

/** One to three requests: good ones, and mostly one whose framing can be read in several ways. */
function connection(dice: Dice, id: number): string {
  const requests = Array.from({ length: 1 + dice.below(3) }, (_, at) => good(dice, `${id}-${at}`, id))
  if (dice.below(10) > 0) requests[dice.below(requests.length)] = doubtful(dice, `${id}-x`, id)
  return `${requests.join('')}GET /v1/${id}-end HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n`
}

const host = 'Host: api.example.com\r\n'
const inner = (id: number) => `GET /v1/${id}-inner HTTP/1.1\r\nHost: api.example.com\r\n\r\n`
const chunk = (text: string, extension = '') => `${text.length.toString(16)}${extension}\r\n${text}\r\n`
const head = (method: string, target: string, fields: string, version = '1.1') =>
  `${method} /v1/${target} HTTP/${version}\r\n${host}${fields}\r\n`

const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'QUERY', 'OPTIONS']

function good(dice: Dice, target: string, id: number): string {
  const body = inner(id)
  const method = dice.of(methods)
  switch (dice.below(4)) {
    case 0:
      return head(method, target, `Content-Length: ${body.length}\r\n`) + body
    case 1:
      return `${head(method, target, 'Transfer-Encoding: chunked\r\n')}${chunk(body)}0\r\n\r\n`
    case 2:
      return `${head(method, target, 'Transfer-Encoding: Chunked\r\n')}${chunk('abc', ';a=b')}${chunk(body)}0\r\nX-T: 1\r\n\r\n`
    default:
      return head('GET', target, '')
  }
}

/** A request in which one thing is out of order, and a body that hides another request for whoever falls for it. */
function doubtful(dice: Dice, target: string, id: number): string {
  const hidden = inner(id)
  const method = dice.of(methods)
  const chunked = `${chunk('abc')}0\r\n\r\n`
  switch (dice.below(9)) {
    case 0:
      // Chunked for one reader, a length that covers the hidden request for another, in either order.
      return (
        head(method, target, twice(dice, [`Content-Length: ${5 + hidden.length}`, dice.of(codings)])) +
        `0\r\n\r\n${hidden}`
      )
    case 1:
      return `${head(method, target, twice(dice, ['Content-Length: 4', dice.of(codings)]))}${chunk(hidden)}0\r\n\r\n`
    case 2:
      return head(method, target, `${dice.of(codings)}\r\n`) + chunked + hidden
    case 3:
      return head(method, target, `${dice.of(lengths).replace('N', String(hidden.length))}\r\n`) + hidden
    case 4:
      return head(method, target, 'Transfer-Encoding: chunked\r\n') + dice.of(chunks).replace('HIDDEN', hidden)
    case 5:
      return head(method, target, `Content-Length: ${hidden.length}\r\n${dice.of(fields)}\r\n`) + hidden
    case 6:
      return (
        head(method, target, `${dice.of(codings)}\r\n`, dice.of(['1.0', '0.9', '2.0', '1.2', '1.01'])) +
        chunked +
        hidden
      )
    case 7:
      return (
        dice
          .of(lines)
          .replaceAll('TARGET', `/v1/${target}`)
          .replaceAll('HOST', host.trim())
          .replace('LENGTH', `${hidden.length}`) + hidden
      )
    default:
      return (
        head(dice.of(['HEAD', 'TRACE', 'CONNECT', 'GET', 'PRI']), target, `Content-Length: ${hidden.length}\r\n`) +
        hidden
      )
  }
}

function twice(dice: Dice, both: string[]): string {
  return `${(dice.below(2) === 0 ? both : both.toReversed()).join('\r\n')}\r\n`
}

const codings = [
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: chunked\x00',
  'Transfer-Encoding:\r\n chunked',
  'Transfer-Encoding\r\n: chunked',
  ' Transfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'Transfer_Encoding: chunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: x',
  'Transfer-Encoding: x\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding: CHUNKED',
  'Transfer-Encoding: ',
  'TE: chunked\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: chunked',
]
const lengths = [
  'Content-Length: N',
  'Content-Length: 0N',
  'Content-Length: +N',
  'Content-Length: -N',
  'Content-Length: 0xN',
  'Content-Length: N, N',
  'Content-Length: N 0',
  'Content-Length: N\r\nContent-Length: 0',
  'Content-Length: 0\r\nContent-Length: N',
  'Content-Length: N\r\nContent-Length: N',
  'Content-Length : N',
  'Content-Length:\r\n N',
  'Content-Length: ',
  'Content-Length: N_0',
  'Content-Length: 1N.0',
  'Content-Length: 18446744073709551616',
  'Content_Length: N',
  'X: y\nContent-Length: N',
  'Content-Length: N\x00',
  'Connection: Content-Length\r\nContent-Length: N',
  'Content-Length: 0',
]
const chunks = [
  '0x3\r\nabc\r\n0\r\n\r\nHIDDEN',
  '+3\r\nabc\r\n0\r\n\r\nHIDDEN',
  '-3\r\nabc\r\n0\r\n\r\nHIDDEN',
  '3 \r\nabc\r\n0\r\n\r\nHIDDEN',
  '3_0\r\nabc\r\n0\r\n\r\nHIDDEN',
  '3\nabc\n0\n\nHIDDEN',
  '3;\nabc\r\n0\r\n\r\nHIDDEN',
  '3;a\rb\r\nabc\r\n0\r\n\r\nHIDDEN',
  '3\r\nabcd\r\n0\r\n\r\nHIDDEN',
  '3\r\nabcXX0\r\n\r\nHIDDEN',
  '10000000000000003\r\nabc\r\n0\r\n\r\nHIDDEN',
  '0003\r\nabc\r\n00\r\n\r\nHIDDEN',
  '3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\nHIDDEN',
  '3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\nHIDDEN',
  '3\r\nabc\r\n0\r\nX : 1\r\n\r\nHIDDEN',
  '3\r\nabc\r\n0\r\n\nHIDDEN',
  '3;a="\r\nabc\r\n0\r\n\r\nHIDDEN',
  `3;${'e'.repeat(17_000)}\r\nabc\r\n0\r\n\r\nHIDDEN`,
  '\r\n3\r\nabc\r\n0\r\n\r\nHIDDEN',
  '3\r\r\nabc\r\n0\r\n\r\nHIDDEN',
  '3\r\nabc\r\n0\r\n HIDDEN',
]
const fields = [
  'X: a\x00b',
  'X: a\r\n b',
  'X : a',
  ': a',
  'X',
  'X: a\rb',
  'X(: a',
  '\u00e9: a',
  ' X: a',
  'Connection: close, Content-Length',
  'Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==',
  'Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__',
  'Expect: 100-continue',
  'Expect: nothing',
  'Host: other.example.com',
  'Trailer: Content-Length',
]
const lines = [
  'GET TARGET HTTP/1.1\nHOST\n\n',
  // An upgrade that nobody wants, and behind it a request whose body must not become one.
  'GET TARGET HTTP/1.1\r\nHOST\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nPOST TARGET HTTP/1.1\r\nHOST\r\nContent-Length: LENGTH\r\n\r\n',
  'GET TARGET HTTP/1.1\r\nHOST\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nPUT TARGET HTTP/1.1\r\nHOST\r\nContent-Length: LENGTH\r\n\r\n',
  'GET  TARGET HTTP/1.1\r\nHOST\r\n\r\n',
  'GET\tTARGET\tHTTP/1.1\r\nHOST\r\n\r\n',
  'GET TARGET\r\n',
  'GET TARGET HTTP/1.1 \r\nHOST\r\n\r\n',
  'GET TARGET x HTTP/1.1\r\nHOST\r\n\r\n',
  ' GET TARGET HTTP/1.1\r\nHOST\r\n\r\n',
  '\r\n\r\nGET TARGET HTTP/1.1\r\nHOST\r\n\r\n',
  '\nGET TARGET HTTP/1.1\r\nHOST\r\n\r\n',
  'GET http://api.example.com:80TARGET HTTP/1.1\r\nHOST\r\n\r\n',
  'GET http://api.example.comTARGET HTTP/1.1\r\nHOST\r\n\r\n',
  'GET TARGET%0d%0a HTTP/1.1\r\nHOST\r\n\r\n',
  'GET TARGET?a=\x80 HTTP/1.1\r\nHOST\r\n\r\n',
  'GET TARGET#f HTTP/1.1\r\nHOST\r\n\r\n',
  'GE\x00T TARGET HTTP/1.1\r\nHOST\r\n\r\n',
  'get TARGET HTTP/1.1\r\nHOST\r\n\r\n',
  'GET TARGET HTTP/1.1\r\nHOST\r\nHOST\r\n\r\n'.replace('HOST', 'Host: other.example.com'),
  'GET TARGET http/1.1\r\nHOST\r\n\r\n',
  'GET TARGET HTTP/1.1\r\n\r\n',
  'GET TARGET HTTP/1.1\r\nHOST\r\r\n\r\n',
]

/** Up to two bytes more changed, left out or put in, at any place but in what tells the case. */
function spoilt(dice: Dice, bytes: string): string {
  let now = bytes
  for (let left = Math.max(0, dice.below(5) - 2); left > 0; left--) {
    const at = dice.below(now.length)
    const around = now.slice(Math.max(0, at - 24), at + 24)
    if (/\/v1\/\d+-/.test(around)) continue
    const put = dice.of([
      '\r',
      '\n',
      '\0',
      ' ',
      '\t',
      ':',
      ',',
      '0',
      '\r\n',
      '\x80',
      String.fromCharCode(dice.below(256)),
    ])
    now = now.slice(0, at) + (dice.below(3) === 0 ? '' : put) + now.slice(at + dice.below(2))
  }
  return now
}

function cut(dice: Dice, bytes: Buffer): Buffer[] {
  if (dice.below(2) === 0) return [bytes]
  const at = dice.below(bytes.length)
  return [bytes.subarray(0, at), bytes.subarray(at)]
}
