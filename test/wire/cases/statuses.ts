import { answer, fine, get, head, send, type WireCase } from '../wire-case.ts'
import type { WireEnd } from '../wire-end.ts'

const redirect = (status: string): WireCase => ({
  name: `${status} is the client's to follow`,
  request: send('POST', '{}', 'Authorization: Bearer secret', 'Cookie: s=1'),
  answer: answer(status, '', 'Location: http://elsewhere.test/v1/orders?a=1#b'),
})

const status = (line: string, ...more: string[]): WireCase => ({
  name: line,
  request: get('/v1/orders'),
  answer: answer(line, '{"oops":true}', 'Content-Type: application/json; charset=latin1', ...more),
})

export const statuses: readonly WireCase[] = [
  {
    name: '204 with headers',
    request: send('PUT', 'x'),
    answer: head('HTTP/1.1 204 No Content', 'ETag: W/"b"', 'X-A: 1'),
  },
  {
    name: '204 that says a length',
    request: get('/v1/orders'),
    answer: head('HTTP/1.1 204 No Content', 'Content-Length: 0'),
  },
  { name: '205 without a body', request: get('/v1/orders'), answer: answer('205 Reset Content', '') },
  { name: '205 with a body', request: get('/v1/orders'), answer: answer('205 Reset Content', 'not reset') },
  ...['301 Moved Permanently', '302 Found', '303 See Other', '307 Temporary Redirect', '308 Permanent Redirect'].map(
    redirect,
  ),
  status('300 Multiple Choices', 'Location: /a', 'Link: </b>; rel=alternate'),
  status('401 Unauthorized', 'WWW-Authenticate: Negotiate'),
  status('407 Proxy Authentication Required', 'Proxy-Authenticate: Basic'),
  status('413 Content Too Large', 'Retry-After: 9'),
  status("418 I'm a teapot"),
  status('429 Too Many Requests', 'RateLimit-Remaining: 0', 'Retry-After: Wed, 21 Oct 2026 07:28:00 GMT'),
  status('451 Unavailable For Legal Reasons'),
  status('500 Internal Server Error'),
  status('503 Service Unavailable', 'Retry-After: 120'),
  status('599 Nobody Knows'),
  { name: 'a reason of nothing', request: get('/v1/orders'), answer: answer('200 ', 'fine') },
  { name: 'a reason in latin1', request: get('/v1/orders'), answer: answer('200 Gr\xfc\xdfe', 'fine') },
  {
    name: '103 before the answer',
    request: get('/v1/orders'),
    answer: head('HTTP/1.1 103 Early Hints', 'Link: </a.css>; rel=preload') + fine,
  },
  {
    name: '102 twice before the answer',
    request: get('/v1/orders'),
    answer: head('HTTP/1.1 102 Processing').repeat(2) + fine,
  },
  { name: '100 that nobody asked for', request: send('POST', 'x'), answer: head('HTTP/1.1 100 Continue') + fine },
  {
    name: 'an answer that is no HTTP',
    request: get('/v1/orders'),
    answer: '220 mail.example.com ESMTP\r\n\r\n',
    closes: true,
    spoilt: { as: 'origin-broken', status: 502 },
  },
  {
    name: 'a status of four digits',
    request: get('/v1/orders'),
    answer: answer('1000 Much', 'x'),
    spoilt: { as: 'origin-broken', status: 502 },
  },
  {
    name: 'every status from 200 to 599',
    talk: async (line) => {
      const client = await line.client()
      const saw: string[] = []
      let origin: WireEnd | undefined
      for (let code = 200; code < 600; code++) {
        await client.send(get('/talk/status'))
        origin ??= await line.origin()
        await origin.head()
        const length = code === 204 || code === 304 ? [] : ['Content-Length: 0']
        await origin.send(head(`HTTP/1.1 ${code} Number ${code}`, ...length))
        saw.push((await client.head()).split('\r\n', 1)[0] ?? '')
      }
      return saw
    },
  },
]
