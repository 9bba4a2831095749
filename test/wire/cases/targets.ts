import { fine, get, head, legacyHost, type WireCase } from '../wire-case.ts'

const odd = (name: string, target: string, more: Partial<WireCase> = {}): WireCase => ({
  name,
  request: head(`GET ${target} HTTP/1.1`, legacyHost),
  answer: fine,
  ...more,
})

const refused = (name: string, target: string): WireCase =>
  odd(name, target, { refused: { as: 'refused-by-runtime', status: 400 } })

export const targets: readonly WireCase[] = [
  { name: 'a query of odd bytes', request: get(`/v1/orders?a=%2F&b=[1]&c={}&d='|^&&=\\%zz`), answer: fine },
  { name: 'percent of what need not be', request: get('/v1/orders/%7e%7E%41%c3%a9'), answer: fine },
  { name: 'delimiters in a path', request: get('/v1/orders/a;x=1,2:3@4$!*()+=&[]|^{}"\''), answer: fine },
  { name: 'an empty query', request: get('/v1/orders?'), answer: fine },
  { name: 'a question mark twice', request: get('/v1/orders??a=1?b'), answer: fine },
  { name: 'a path of 8 KB', request: get(`/v1/orders/${'p'.repeat(8_000)}`), answer: fine },
  { name: 'a query of 16 KB', request: get(`/v1/orders?q=${'%41'.repeat(5_300)}`), answer: fine },
  { name: 'a path that ends with a slash', request: get('/v1/orders/'), answer: fine },
  { name: 'the root', request: get('/'), answer: fine },
  odd('double slashes', '//v1//orders//'),
  odd('a semicolon and dots', '/a/..;x/b;/.../c'),
  odd('dots encoded', '/v1/%2e%2e/a/.%2E/%2e/b'),
  odd('dots raw', '/v1/./a/../b/..', { leavesAs: { as: 'dot-segments', target: '/v1/' } }),
  odd('dots raw above the root', '/../../a?x=/../', { leavesAs: { as: 'dot-segments', target: '/a?x=/../' } }),
  odd('a slash encoded', '/v1/a%2Fb%2fc'),
  odd('backslashes, raw and encoded', '/v1/a\\b\\..\\c%5Cd'),
  odd('percent that is malformed', '/v1/%/%z/%4/%'),
  odd('percent of percent', '/v1/%252e%252E/%2525'),
  odd('control bytes encoded', '/v1/%00%0d%0a%09%7f'),
  odd('UTF-8 that is none', '/v1/%ff%c0%af'),
  odd('a fragment', '/v1/a#b?c', { leavesAs: { as: 'fragment', target: '/v1/a' } }),
  odd('absolute form', 'http://old.example.com/v1/a?b', { leavesAs: { as: 'absolute-form', target: '/v1/a?b' } }),
  {
    name: 'dots raw on a host that rejects them',
    request: get('/v1/../orders'),
    answer: fine,
    refused: { as: 'refused-by-edge', status: 400 },
  },
  {
    name: 'a slash encoded on a host that rejects it',
    request: get('/v1/a%2fb'),
    answer: fine,
    refused: { as: 'refused-by-edge', status: 400 },
  },
  refused('a TAB in a path', '/v1/a\tb'),
  refused('a space in a path', '/v1/a b'),
  refused('a byte beyond ASCII in a path', '/v1/\xe9'),
  refused('angle brackets in a path', '/v1/<a>'),
  refused('a backtick in a path', '/v1/`a'),
  refused('a quote in a query', '/v1/a?b="c"'),
  refused('a target without a slash', '?a=1'),
]
