import { answer, get, head, host, send, type WireCase } from '../wire-case.ts'

const parts = [
  '--cut',
  'Content-Type: text/plain',
  'Content-Range: bytes 0-1/10',
  '',
  'ab',
  '--cut',
  'Content-Type: text/plain',
  'Content-Range: bytes 8-9/10',
  '',
  'ij',
  '--cut--',
  '',
].join('\r\n')

export const conditions: readonly WireCase[] = [
  {
    name: 'a range',
    request: get('/v1/orders', 'Range: bytes=0-3'),
    answer: answer('206 Partial Content', 'abcd', 'Content-Range: bytes 0-3/10', 'ETag: "a"'),
  },
  {
    name: 'several ranges',
    request: get('/v1/orders', 'Range: bytes=0-1, -2'),
    answer: answer('206 Partial Content', parts, 'Content-Type: multipart/byteranges; boundary=cut'),
  },
  {
    name: 'If-Range whose tag holds',
    request: get('/v1/orders', 'Range: bytes=4-', 'If-Range: "a"'),
    answer: answer('206 Partial Content', 'efghij', 'Content-Range: bytes 4-9/10', 'Accept-Ranges: bytes'),
  },
  {
    name: 'If-Range whose date has passed',
    request: get('/v1/orders', 'Range: bytes=4-', 'If-Range: Wed, 21 Oct 2026 07:28:00 GMT'),
    answer: answer('200 OK', 'abcdefghij', 'Last-Modified: Thu, 22 Oct 2026 07:28:00 GMT'),
  },
  {
    name: 'a range that cannot be served',
    request: get('/v1/orders', 'Range: bytes=90-'),
    answer: answer('416 Range Not Satisfiable', '', 'Content-Range: bytes */10'),
  },
  {
    name: '304 to a conditional GET, with all its headers',
    request: get('/v1/orders', 'If-None-Match: "a", W/"b"'),
    answer: head(
      'HTTP/1.1 304 Not Modified',
      'ETag: W/"b"',
      'Cache-Control: max-age=0, private',
      'Vary: Accept',
      'Set-Cookie: seen=1',
    ),
  },
  {
    name: '304 that says a length',
    request: get('/v1/orders', 'If-Modified-Since: Wed, 21 Oct 2026 07:28:00 GMT'),
    answer: head('HTTP/1.1 304 Not Modified', 'Content-Length: 1234', 'ETag: "a"'),
  },
  {
    name: '304 to a HEAD',
    request: head('HEAD /v1/orders HTTP/1.1', host, 'If-None-Match: "a"'),
    answer: head('HTTP/1.1 304 Not Modified', 'ETag: "a"'),
  },
  {
    name: '412 to a conditional PUT',
    request: send('PUT', 'new', 'If-Match: "a"', 'If-Unmodified-Since: Wed, 21 Oct 2026 07:28:00 GMT'),
    answer: answer('412 Precondition Failed', '{}', 'Content-Type: application/problem+json'),
  },
  {
    name: 'caching words of request and answer',
    request: get('/v1/orders', 'Cache-Control: no-cache', 'Pragma: no-cache'),
    answer: answer(
      '200 OK',
      'x',
      'Cache-Control: public, max-age=60, stale-while-revalidate=30',
      'Age: 12',
      'CDN-Cache-Control: max-age=9',
      'Expires: 0',
      'X-Cache: HIT',
    ),
  },
]
