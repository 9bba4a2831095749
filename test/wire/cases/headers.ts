import { knownNames } from '../documented-differences.ts'
import { answer, fine, get, head, type WireCase } from '../wire-case.ts'

/** `x-aBoUt`: capitals that nobody would choose. */
const odd = (name: string) =>
  name.replace(/[a-z]/gi, (letter, at) => (at % 2 ? letter.toUpperCase() : letter.toLowerCase()))
/** Those that mean something to the runtime itself have cases of their own. */
const harmless = knownNames.filter((name) => !/^(?:Host|Cookie|Range|If-Range|Sec-WebSocket-.*)$/.test(name))
const twice = (name: string) => [`${odd(name)}: 1`, `${odd(name)}: 2`]
const others = ['Warning', 'Priority', 'Forwarded', 'Traceparent', 'Tracestate', 'Digest', 'DNT', 'Sec-Fetch-Site']
const many = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, at) => `X-Field-${at}: ${'v'.repeat(bytes)}`)

export const headers: readonly WireCase[] = [
  {
    name: 'reason phrase, duplicate and mixed-case headers of an answer',
    request: get('/v1/orders'),
    answer: answer('299 Quite Fine', 'x', 'X-DuP: 1', 'x-dup: 2', 'X-dUp: 1', 'x-OdD: a  b', 'ETAG: "a"'),
  },
  {
    name: 'latin1, UTF-8, empty and duplicate headers of a request',
    request: get(
      '/v1/orders',
      'X-Name: M\xfcller',
      'X-Utf: \xc3\xa9',
      'X-Empty:',
      'Accept-Language:',
      'X-Twice: 1',
      'x-twice: 2',
      'X-Spaces:   a  b  ',
    ),
    answer: fine,
  },
  {
    name: 'latin1, UTF-8 and empty headers of an answer',
    request: get('/v1/orders'),
    answer: answer('200 OK', 'x', 'X-Name: M\xfcller', 'X-Utf: \xc3\xa9', 'X-Empty:', 'Vary:', 'X-Tab: a\tb'),
  },
  {
    name: 'every name that HTTP knows, twice, in odd capitals, both ways',
    request: get('/v1/orders', ...harmless.flatMap(twice)),
    answer: answer('200 OK', 'x', ...harmless.filter((name) => name !== 'Upgrade').flatMap(twice)),
  },
  {
    name: 'names that the runtime does not know, twice, in odd capitals, both ways',
    request: get('/v1/orders', ...others.flatMap(twice)),
    answer: answer('200 OK', 'x', ...others.flatMap(twice)),
  },
  { name: '200 headers, 32 KB in all', request: get('/v1/orders', ...many(200, 145)), answer: fine },
  { name: 'one header of 30 KB', request: get('/v1/orders', ...many(1, 30_000)), answer: fine },
  {
    name: '200 headers of an answer, 32 KB in all',
    request: get('/v1/orders'),
    answer: answer('200 OK', 'x', ...many(200, 145)),
  },
  {
    name: 'host in capitals, with a port',
    request: head('GET /v1/orders HTTP/1.1', 'Host: API.Example.com:8080'),
    answer: fine,
  },
  {
    name: 'hop-by-hop headers, and what Connection names',
    request: get(
      '/v1/orders',
      'Connection: keep-alive, X-Mine',
      'X-Mine: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: x',
      'TE: trailers',
    ),
    answer: answer('200 OK', 'x', 'Connection: keep-alive', 'Keep-Alive: timeout=5'),
  },
  {
    name: 'credentials of every kind',
    request: get(
      '/v1/orders',
      'Authorization: Basic dTpw',
      'Proxy-Authorization: Bearer x',
      'X-Api-Key: k',
      'DPoP: e.y.J',
    ),
    answer: answer('401 Unauthorized', '', 'WWW-Authenticate: Basic realm="a, b"'),
  },
  {
    name: 'words that only a front may say',
    request: get(
      '/v1/orders',
      'X-Forwarded-For: 6.6.6.6',
      'X-Tidegate-Edge: v=1',
      'X_Forwarded_Host: h',
      'CF-Ray: r',
      'X-Forwarded-Port: 1',
    ),
    answer: fine,
  },
  {
    name: 'trace context and a request id',
    request: get(
      '/v1/orders',
      'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'tracestate: a=1,b=2',
      'X-Request-Id: my-id',
    ),
    answer: answer('200 OK', 'x', 'X-Request-Id: my-id', 'traceresponse: 00-1-2-01'),
  },
  {
    name: 'a folded header',
    request: get('/v1/orders', 'X-Folded: a', ' b'),
    answer: fine,
    refused: { as: 'refused-by-runtime', status: 400 },
  },
]
