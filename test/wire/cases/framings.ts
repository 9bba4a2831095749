import { answer, fine, get, head, host, type WireCase } from '../wire-case.ts'

const post = (fields: string, content = '') => `POST /v1/orders HTTP/1.1\r\n${host}\r\n${fields}\r\n\r\n${content}`

/** What two servers could read in two ways is refused before anybody behind the edge reads it. */
const refused = (name: string, request: string): WireCase => ({
  name,
  request,
  answer: fine,
  refused: { as: 'refused-by-runtime', status: 400 },
})

const chunked = 'Transfer-Encoding: chunked'
const broken = (name: string, chunks: string): WireCase => ({
  name,
  request: post(chunked, chunks),
  answer: fine,
  refused: { as: 'broken-chunks', status: 502 },
})

const noHost = (name: string, ...fields: string[]): WireCase => ({
  name,
  request: head('GET /v1/orders HTTP/1.1', ...fields),
  answer: fine,
  refused: { as: 'refused-by-edge', status: 400 },
})

const spoilt = (name: string, bytes: string): WireCase => ({
  name,
  request: get('/v1/orders'),
  answer: bytes,
  spoilt: { as: 'origin-broken', status: 502 },
})

export const framings: readonly WireCase[] = [
  {
    name: 'a length beside a coding',
    request: post(`Content-Length: 3\r\n${chunked}`, '2\r\nhi\r\n0\r\n\r\n'),
    answer: fine,
  },
  { name: 'a length said twice', request: post('Content-Length: 2\r\nContent-Length: 2', 'hi'), answer: fine },
  { name: 'a coding in capitals', request: post('Transfer-Encoding: CHUNKED', '2\r\nhi\r\n0\r\n\r\n'), answer: fine },
  {
    name: 'a coding before chunked',
    request: post('Transfer-Encoding: gzip, chunked', '2\r\nhi\r\n0\r\n\r\n'),
    answer: fine,
  },
  refused('two lengths', post('Content-Length: 2\r\nContent-Length: 0', 'hi')),
  refused('a list of lengths', post('Content-Length: 2, 2', 'hi')),
  refused('a length with a sign', post('Content-Length: +2', 'hi')),
  refused('a length in hex', post('Content-Length: 0x2', 'hi')),
  refused('a length below zero', post('Content-Length: -2', 'hi')),
  refused('a length beyond 64 bits', post('Content-Length: 18446744073709551618', 'hi')),
  refused('a coding that is none', post('Transfer-Encoding: xchunked', '0\r\n\r\n')),
  refused('a coding behind chunked', post('Transfer-Encoding: chunked, identity', '0\r\n\r\n')),
  refused('a vertical tab before chunked', post('Transfer-Encoding:\x0bchunked', '0\r\n\r\n')),
  refused('a space before the colon', post('Content-Length : 2', 'hi')),
  refused('a NUL in a header', get('/v1/orders', 'X-A: a\0b')),
  refused('a CR in a header', get('/v1/orders', 'X-A: a\rb')),
  refused('HTTP/1.2', head('GET /v1/orders HTTP/1.2', host)),
  refused('HTTP/0.9', 'GET /v1/orders\r\n\r\n'),
  refused('no Host', head('GET /v1/orders HTTP/1.1')),
  noHost('two Hosts', host, 'Host: other.example.com'),
  noHost('a Host with a path', 'Host: api.example.com/v1?'),
  noHost('a Host with a user', 'Host: me@api.example.com'),
  noHost('a Host with an escape', 'Host: api%2eexample.com'),
  broken('a chunk size with a sign', '+2\r\nhi\r\n0\r\n\r\n'),
  broken('a chunk size of another form', '0x2\r\nhi\r\n0\r\n\r\n'),
  broken('a chunk size beyond 64 bits', '10000000000000002\r\nhi\r\n0\r\n\r\n'),
  broken('a chunk that goes on', '2\r\nhiX\r\n0\r\n\r\n'),
  spoilt('an answer of two lengths', answer('200 OK', 'fine', 'Content-Length: 3')),
  spoilt('an answer with a line that is no header', answer('200 OK', 'fine', 'no colon')),
  spoilt('an answer with a NUL in a header', answer('200 OK', 'fine', 'X-A: a\0b')),
  {
    name: 'bytes behind an answer never become the next one',
    talk: async (line) => {
      const saw: string[] = []
      for (const [sent, end] of [
        [answer('200 OK', 'first') + answer('200 OK', 'poison'), 'first'],
        [answer('200 OK', 'clean', 'Connection: close'), 'clean'],
      ] as const) {
        const client = await line.client()
        await client.send(get('/talk/behind'))
        const origin = await line.origin()
        await origin.head()
        await origin.send(sent)
        saw.push((await client.until(end)).slice(-5))
      }
      return saw
    },
  },
]
