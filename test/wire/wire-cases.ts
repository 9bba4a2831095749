/** Requests and answers as bytes, one character each: what old clients and odd services really send. */
import { brotliCompressSync, gzipSync } from 'node:zlib'

export interface WireCase {
  readonly name: string
  readonly request: string
  readonly answer: string
  /** The origin ends its answer by closing the connection. */
  readonly closes?: true
}

const body = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
const gzipped = body(gzipSync('{"compressed":"by the service itself"}'))
const brotli = body(brotliCompressSync('{"compressed":"by the service itself"}'))
const binary = body(Uint8Array.from({ length: 1024 }, (_, at) => at & 255))
const megabyte = binary.repeat(1024)

const host = 'Host: api.example.com'
const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`
const get = (target: string, ...more: string[]) => head(`GET ${target} HTTP/1.1`, host, ...more)
const send = (method: string, content: string, ...more: string[]) =>
  head(`${method} /v1/orders HTTP/1.1`, host, `Content-Length: ${content.length}`, ...more) + content
const answer = (status: string, content: string, ...more: string[]) =>
  head(`HTTP/1.1 ${status}`, `Content-Length: ${content.length}`, ...more) + content
const fine = answer('200 OK', 'fine', 'Content-Type: text/plain')

export const wireCases: readonly WireCase[] = [
  { name: 'GET with a query of odd bytes', request: get(`/v1/orders?a=%2F&b=[1]&c={}&d='|^&&=`), answer: fine },
  { name: 'percent-encodings of every kind', request: get('/v1/orders/%7e%7E%41%c3%a9;x=1,2:3@4$!*()'), answer: fine },
  { name: 'empty query', request: get('/v1/orders?'), answer: fine },
  {
    name: 'HEAD',
    request: head('HEAD /v1/orders HTTP/1.1', host),
    answer: head('HTTP/1.1 200 OK', 'Content-Length: 1234', 'ETag: "a"'),
  },
  { name: '204 without a body', request: send('PUT', 'x'), answer: head('HTTP/1.1 204 No Content', 'ETag: W/"b"') },
  {
    name: '304 to a conditional GET',
    request: get('/v1/orders', 'If-None-Match: "a", W/"b"'),
    answer: head('HTTP/1.1 304 Not Modified', 'ETag: "a"'),
  },
  {
    name: '206 of a range',
    request: get('/v1/orders', 'Range: bytes=0-3'),
    answer: answer('206 Partial Content', 'abcd', 'Content-Range: bytes 0-3/10'),
  },
  {
    name: 'several Set-Cookie, one with a comma',
    request: get('/v1/orders'),
    answer: answer(
      '200 OK',
      '',
      'Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
      'Set-Cookie: b=2',
      'Set-Cookie: a=3',
    ),
  },
  {
    name: 'reason phrase, duplicate and mixed-case headers',
    request: get('/v1/orders'),
    answer: answer('299 Quite Fine', 'x', 'X-DuP: 1', 'x-dup: 2', 'X-dUp: 1', 'x-OdD: a  b'),
  },
  {
    name: 'gzip unasked, with ETag',
    request: get('/v1/orders'),
    answer: answer('200 OK', gzipped, 'Content-Encoding: gzip', 'ETag: "strong"'),
  },
  {
    name: 'brotli asked',
    request: get('/v1/orders', 'Accept-Encoding: br;q=1.0, gzip;q=0.5'),
    answer: answer('200 OK', brotli, 'Content-Encoding: br', 'Vary: Accept-Encoding'),
  },
  {
    name: 'binary upload and answer',
    request: send('POST', binary, 'Content-Type: application/octet-stream'),
    answer: answer('200 OK', binary),
  },
  { name: '1 MiB up and down', request: send('PUT', megabyte), answer: answer('200 OK', megabyte) },
  {
    name: 'chunked upload',
    request: `${head('POST /v1/orders HTTP/1.1', host, 'Transfer-Encoding: chunked')}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
    answer: fine,
  },
  {
    name: 'chunked answer',
    request: get('/v1/orders'),
    answer: `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
  },
  {
    name: 'answer that ends with its connection',
    request: get('/v1/orders'),
    answer: `${head('HTTP/1.1 200 OK')}until the end`,
    closes: true,
  },
  { name: 'upload that expects 100-continue', request: send('POST', 'abc', 'Expect: 100-continue'), answer: fine },
  { name: 'two Cookie headers', request: get('/v1/orders', 'Cookie: a=1; b=2', 'Cookie: c=3'), answer: fine },
  {
    name: 'redirect to another host',
    request: get('/v1/orders', 'Authorization: Bearer secret'),
    answer: answer('301 Moved Permanently', '', 'Location: http://elsewhere.test/v1/orders'),
  },
  {
    name: 'CORS preflight',
    request: head(
      'OPTIONS /v1/orders HTTP/1.1',
      host,
      'Origin: https://app.example.com',
      'Access-Control-Request-Method: PUT',
    ),
    answer: answer('204 No Content', '', 'Access-Control-Allow-Origin: *').replace('Content-Length: 0\r\n', ''),
  },
  { name: 'GET with a body', request: `${head('GET /v1/orders HTTP/1.1', host, 'Content-Length: 2')}hi`, answer: fine },
  { name: 'DELETE without a body', request: head('DELETE /v1/orders HTTP/1.1', host), answer: fine },
  { name: 'QUERY', request: send('QUERY', '{"a":1}', 'Content-Type: application/json'), answer: fine },
  {
    name: 'latin1, empty and duplicate request headers',
    request: get('/v1/orders', 'X-Name: M\xfcller', 'X-Empty:', 'X-Twice: 1', 'x-twice: 2'),
    answer: fine,
  },
  {
    name: '500 with a body of its own',
    request: get('/v1/orders'),
    answer: answer('500 Internal Server Error', '{"oops":true}', 'Content-Type: application/json; charset=latin1'),
  },
  {
    name: 'host in capitals, with a port',
    request: head('GET /v1/orders HTTP/1.1', 'Host: API.Example.com:8080'),
    answer: fine,
  },
]
