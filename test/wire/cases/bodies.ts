import { answer, everyByte, fine, get, head, host, send, sendChunked, type WireCase } from '../wire-case.ts'

const chunks = '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'
const richChunks = '5;name=value\r\nhello\r\n006\r\n world\r\n0;last\r\nX-Sum: 11\r\n\r\n'
const chunked = (content: string, ...more: string[]) =>
  head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', ...more) + content
const oldRequest = (...more: string[]) => head('GET /v1/orders HTTP/1.0', host, ...more)

export const bodies: readonly WireCase[] = [
  {
    name: 'every byte, up and down',
    request: send('POST', everyByte(4), 'Content-Type: application/octet-stream'),
    answer: answer('200 OK', everyByte(4)),
  },
  { name: '1 MiB up and down', request: send('PUT', everyByte(4096)), answer: answer('200 OK', everyByte(4096)) },
  { name: 'upload of no bytes', request: send('POST', ''), answer: fine },
  { name: 'upload in chunks', request: sendChunked('POST', chunks), answer: fine },
  {
    name: 'upload in chunks with extensions and trailers',
    request: sendChunked('POST', richChunks, 'Trailer: X-Sum'),
    answer: fine,
  },
  { name: 'upload of no chunks', request: sendChunked('PUT', '0\r\n\r\n'), answer: fine },
  { name: 'answer in chunks', request: get('/v1/orders'), answer: chunked(chunks) },
  {
    name: 'answer in chunks with extensions and trailers',
    request: get('/v1/orders', 'TE: trailers'),
    answer: chunked(richChunks, 'Trailer: X-Sum'),
  },
  { name: 'answer of no chunks', request: get('/v1/orders'), answer: chunked('0\r\n\r\n') },
  { name: 'answer of no bytes', request: get('/v1/orders'), answer: answer('200 OK', '') },
  {
    name: 'answer that ends with its connection',
    request: get('/v1/orders'),
    answer: `${head('HTTP/1.1 200 OK')}until the end`,
    closes: true,
  },
  {
    name: 'answer of an HTTP/1.0 service',
    request: get('/v1/orders'),
    answer: `${head('HTTP/1.0 200 OK')}until the end`,
    closes: true,
  },
  { name: 'HTTP/1.0 with Host', request: oldRequest(), answer: fine },
  { name: 'HTTP/1.0 that keeps its connection', request: oldRequest('Connection: keep-alive'), answer: fine },
  {
    name: 'HTTP/1.0 without Host',
    request: head('GET /v1/orders HTTP/1.0'),
    answer: fine,
    refused: { as: 'refused-by-runtime', status: 400 },
  },
]
