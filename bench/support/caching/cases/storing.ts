/** S1..S5: what may be stored. */
import { askedAgain, asks, type Case, differs, fill, hit, reused, testCase, validated } from '../case.ts'

const fresh = 'Cache-Control: max-age=60'

const methods: Case[] = [
  reused('S1', 'an answer to GET is stored', [fresh]),
  testCase('S1', 'an answer to HEAD is none to GET', [fill([fresh], { method: 'HEAD' }), asks()]),
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'REPORT'].map((method) =>
    testCase('S1', `an answer to ${method} is none to GET`, [fill([fresh], { method }), asks()]),
  ),
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT'].map((method) =>
    testCase('S1', `${method} reaches the service each time`, [fill([fresh], { method }), asks({ method })]),
  ),
  ...['POST', 'PUT', 'DELETE', 'OPTIONS'].map((method) =>
    testCase('S1', `an answer to GET is none to ${method}`, [fill([fresh]), asks({ method })]),
  ),
  testCase(
    'S1',
    'an answer to POST that says it is the resource is not stored either',
    [fill([fresh, 'Content-Location: {path}'], { method: 'POST' }), asks()],
    { ours: true },
  ),
  testCase('S1', 'an answer to POST that says it is another resource is not stored', [
    fill([fresh, 'Content-Location: {path}/other'], { method: 'POST' }),
    asks(),
  ]),
  testCase('S1', 'an answer to POST without explicit freshness is not stored', [
    fill(['Content-Location: {path}', 'Last-Modified: {now-90000}'], { method: 'POST' }),
    asks(),
  ]),
  testCase('S1', 'what POST stored answers no other POST', [
    fill([fresh, 'Content-Location: {path}'], { method: 'POST' }),
    asks({ method: 'POST' }),
  ]),
]

const whole = 'all of these bytes are wanted'
const completeness: Case[] = [
  testCase('S2', 'an answer cut short is never used again', [
    fill([fresh], { reply: { body: whole, cutAfter: 9 }, want: { broken: true } }),
    asks(),
  ]),
  testCase('S2', 'a chunked answer without its end is never used again', [
    fill([fresh], { reply: { body: whole, framing: 'chunked', cutAfter: 9 }, want: { broken: true } }),
    asks(),
  ]),
  testCase(
    'S2',
    'an answer cut short leaves the stored one alone when it was to replace it',
    [
      fill([fresh, 'Age: 100', 'ETag: "a"']),
      fill([fresh, 'ETag: "b"'], { reply: { body: whole, cutAfter: 9 }, want: { broken: true } }),
      asks({ want: { sent: { 'if-none-match': '"a"' } } }),
    ],
    { ours: true },
  ),
  testCase(
    'S2',
    'bytes behind an answer are no part of it, and it is not stored',
    [fill([fresh], { reply: { body: 'short', surplus: ' and more' }, want: { body: 'short' } }), asks()],
    { ours: true },
  ),
  reused('S2', 'a chunked answer with its end is stored', [fresh], { reply: { framing: 'chunked' } }),
  reused('S2', 'an answer of no bytes is stored', [fresh], { reply: { body: '' } }),
  reused('S2', 'a chunked answer of no bytes is stored', [fresh], { reply: { body: '', framing: 'chunked' } }),
  reused('S2', 'a slow answer is stored', [fresh], { reply: { delayMs: 300 } }),
  reused('S2', 'an interim answer is not the answer', [fresh], {
    reply: { interim: [{ status: 103, headers: ['Cache-Control: no-store', 'Link: </a.css>'] }] },
  }),
]

const prohibitions: Case[] = [
  askedAgain('S3', 'no-store', ['Cache-Control: max-age=60, no-store']),
  askedAgain('S3', 'no-store with validators', ['Cache-Control: no-store', 'ETag: "a"', 'Expires: {now+60}'], {
    want: { sent: { 'if-none-match': null } },
  }),
  askedAgain('S3', 'private', ['Cache-Control: max-age=60, private']),
  askedAgain('S3', 'private with s-maxage', ['Cache-Control: s-maxage=60, private']),
  askedAgain('S3', 'private with public', ['Cache-Control: public, private, max-age=60']),
  askedAgain('S3', 'private with Expires', ['Cache-Control: private', 'Expires: {now+60}']),
  askedAgain('S3', 'Vary: *', [fresh, 'Vary: *']),
  testCase('S3', 'no-store of the request: its answer is not stored', [
    fill([fresh], { send: ['Cache-Control: no-store'] }),
    asks(),
  ]),
  testCase('S3', 'no-store of the request among other directives', [
    fill([fresh], { send: ['Cache-Control: max-age=60, No-Store, foo'] }),
    asks(),
  ]),
  ...[428, 429, 431, 511].map((status) => askedAgain('S3', `${status} with max-age`, [fresh], { reply: { status } })),
  ...[401, 412, 416, 417].map((status) =>
    askedAgain('S3', `${status} with max-age`, [fresh], { reply: { status }, ours: true }),
  ),
  reused('S3', '401 with public may be stored', ['Cache-Control: public, max-age=60'], {
    reply: { status: 401 },
    ours: true,
  }),
  ...['If-Match: "a"', 'If-Unmodified-Since: {now}'].map((line) =>
    testCase(
      'S3',
      `an answer to a request with ${line.split(':')[0]} is not stored`,
      [fill([fresh], { send: [line] }), asks()],
      {
        ours: true,
      },
    ),
  ),
  testCase(
    'S3',
    'an answer to a request with Expect is not stored',
    [fill([fresh], { send: ['Expect: 100-continue'] }), asks()],
    { ours: true },
  ),
  testCase(
    'S3',
    'an answer to a request with Upgrade is not stored',
    [fill([fresh], { send: ['Connection: upgrade', 'Upgrade: foo/2'] }), asks()],
    { ours: true },
  ),
  testCase(
    'S3',
    'a target that can be read in two ways is never answered from the store',
    [
      fill([fresh], {
        at: '//a',
        send: ['Host: legacy.example.com'],
        want: { says: /^tidegate-onprem; fwd=bypass; detail=unsafe-target/ },
      }),
      asks({ at: '//a', send: ['Host: legacy.example.com'] }),
    ],
    { ours: true },
  ),
  reused('S3', '50 tags are few enough', [fresh, `Surrogate-Key: ${names(50)}`], { ours: true }),
  askedAgain('S3', '51 tags are too many', [fresh, `Surrogate-Key: ${names(51)}`], { ours: true }),
  reused('S3', 'a body as long as the route allows is stored', [fresh], {
    route: 'small',
    reply: { body: 'b'.repeat(1000) },
    ours: true,
  }),
  askedAgain('S3', 'a longer body is not', [fresh], { route: 'small', reply: { body: 'b'.repeat(1001) }, ours: true }),
  askedAgain('S3', 'a longer body of unknown length is not', [fresh], {
    route: 'small',
    reply: { body: 'b'.repeat(1001), framing: 'chunked' },
    ours: true,
  }),
  askedAgain('S3', 'an answer with trailers is not stored', [fresh, 'Trailer: X-Sum'], {
    reply: { trailers: ['X-Sum: 1'] },
    ours: true,
  }),
]

function names(count: number): string {
  return Array.from({ length: count }, (_, at) => `t${at}`).join(' ')
}

const understanding: Case[] = [
  reused(
    'S4',
    'must-understand of a known status takes no-store back',
    ['Cache-Control: max-age=60, must-understand, no-store'],
    {
      ours: true,
    },
  ),
  reused('S4', 'must-understand of a known status allows storing', ['Cache-Control: max-age=60, must-understand'], {
    ours: true,
  }),
  askedAgain(
    'S4',
    'must-understand of an unknown status forbids storing',
    ['Cache-Control: max-age=60, must-understand'],
    {
      reply: { status: 299 },
    },
  ),
  askedAgain(
    'S4',
    'must-understand of an unknown status leaves no-store in force',
    ['Cache-Control: max-age=60, no-store, must-understand'],
    { reply: { status: 499 } },
  ),
  askedAgain('S4', 'must-understand does not take private back', [
    'Cache-Control: max-age=60, must-understand, private',
  ]),
]

const heuristic = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]
const others = [201, 202, 299, 302, 303, 307, 399, 400, 402, 403, 406, 409, 418, 422, 451, 499, 500, 502, 503, 504, 599]
const statuses: Case[] = [
  ...[...heuristic, ...others].map((status) =>
    reused('S5', `${status} with max-age is stored`, [fresh], { reply: { status }, ours: status !== 200 }),
  ),
  ...['s-maxage=60', 'max-age=60'].map((said) =>
    reused('S5', `${said} is explicit freshness`, [`Cache-Control: ${said}`]),
  ),
  reused('S5', 'Expires is explicit freshness', ['Expires: {now+60}']),
  reused('S5', 'a targeted field is explicit freshness', ['CDN-Cache-Control: max-age=60'], { ours: true }),
  askedAgain('S5', 'nothing said is no permission to guess a time', []),
  ...[201, 202, 302, 303, 307, 400, 403, 500, 503].map((status) =>
    askedAgain(
      'S5',
      `${status} without explicit freshness is not stored`,
      ['Last-Modified: {now-90000}', 'ETag: "a"'],
      {
        reply: { status },
        want: { sent: { 'if-none-match': null } },
      },
    ),
  ),
  askedAgain('S5', 'a lifetime of 0 without a validator', ['Cache-Control: max-age=0'], {
    want: { sent: { 'if-none-match': null } },
  }),
  validated('S5', 'a lifetime of 0 with a tag is stored and validated', ['Cache-Control: max-age=0']),
  differs(
    'heuristic',
    validated('S5', 'a tag alone is stored and validated', []),
    asks({ want: { sent: { 'if-none-match': null } } }),
  ),
  differs(
    'operator',
    askedAgain('S5', 'the time of a route that the service does not state', [], { route: 'ttl' }),
    hit(),
  ),
  askedAgain('S5', 'the time of a route beats no prohibition: no-store', ['Cache-Control: no-store'], { route: 'ttl' }),
  askedAgain('S5', 'the time of a route beats no prohibition: private', ['Cache-Control: private'], { route: 'ttl' }),
  askedAgain('S5', 'the time of a route beats no prohibition: no-cache', ['Cache-Control: no-cache'], { route: 'ttl' }),
  askedAgain('S5', 'the time of a route beats no prohibition: Vary: *', ['Vary: *'], { route: 'ttl' }),
  ...['no-store', 'private', 'no-cache'].map((word) =>
    askedAgain('S5', `a route that overrides does not override ${word}`, [`Cache-Control: ${word}, max-age=60`], {
      route: 'override',
    }),
  ),
]

export const storing = [...methods, ...completeness, ...prohibitions, ...understanding, ...statuses]
