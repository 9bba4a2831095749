import { answer, fine, get, head, host, send, sendChunked, type WireCase } from '../wire-case.ts'

const bare = (method: string): WireCase => ({
  name: `${method} without a body`,
  request: head(`${method} /v1/orders HTTP/1.1`, host),
  answer: fine,
})

export const methods: readonly WireCase[] = [
  { name: 'GET', request: get('/v1/orders'), answer: fine },
  {
    name: 'HEAD',
    request: head('HEAD /v1/orders HTTP/1.1', host),
    answer: head('HTTP/1.1 200 OK', 'Content-Length: 1234', 'ETag: "a"'),
  },
  { name: 'POST with a body', request: send('POST', '{"a":1}', 'Content-Type: application/json'), answer: fine },
  { name: 'PUT with a body', request: send('PUT', 'x'), answer: answer('201 Created', '', 'Location: /v1/orders/1') },
  { name: 'PATCH with a body', request: send('PATCH', '[]'), answer: fine },
  { name: 'DELETE with a body', request: send('DELETE', 'reason'), answer: fine },
  { name: 'GET with a body', request: send('GET', 'hi'), answer: fine },
  { name: 'GET with a chunked body', request: sendChunked('GET', '2\r\nhi\r\n0\r\n\r\n'), answer: fine },
  { name: 'GET with a chunked body of nothing', request: sendChunked('GET', '0\r\n\r\n'), answer: fine },
  { name: 'QUERY with a body', request: send('QUERY', '{"a":1}', 'Content-Type: application/json'), answer: fine },
  ...['POST', 'DELETE', 'OPTIONS', 'TRACE', 'PURGE', 'PROPFIND', 'REPORT', 'SEARCH', 'LOCK', 'COPY', 'MKCOL'].map(bare),
  {
    name: 'CORS preflight',
    request: head(
      'OPTIONS /v1/orders HTTP/1.1',
      host,
      'Origin: https://app.example.com',
      'Access-Control-Request-Method: PUT',
      'Access-Control-Request-Headers: authorization, x-device-id',
    ),
    answer: head('HTTP/1.1 204 No Content', 'Access-Control-Allow-Origin: *', 'Access-Control-Max-Age: 600'),
  },
  { ...bare('BREW'), name: 'a method that nobody knows', refused: { as: 'refused-by-runtime', status: 501 } },
  { ...bare('get'), name: 'a method in lower case', refused: { as: 'refused-by-runtime', status: 501 } },
  { ...bare('CONNECT'), name: 'CONNECT', refused: { as: 'refused-by-runtime', status: 500 } },
  {
    name: 'OPTIONS of the whole server',
    request: head('OPTIONS * HTTP/1.1', host),
    answer: fine,
    refused: { as: 'refused-by-edge', status: 400 },
  },
]
