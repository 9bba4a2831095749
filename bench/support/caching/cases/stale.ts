/** R1..R7 and W1, W3 as one key shows them: stale answers, refreshes and failures. */
import {
  askedAgain,
  asks,
  type Case,
  differs,
  fill,
  hit,
  type Lines,
  type Reply,
  type Step,
  testCase,
} from '../case.ts'

const past = 'Age: 100'
const stale = (directives = '', ...more: Lines) => [`Cache-Control: max-age=60${directives}`, past, ...more]
const fresh: Reply = { headers: ['Cache-Control: max-age=60'] }
const failing = (status: number): Reply => ({ status, headers: ['Content-Type: text/plain'] })
const unchanged = (...more: Lines): Reply => ({ status: 304, headers: ['Cache-Control: max-age=60', ...more] })
const reset: Reply = { reset: true }

const validation: Case[] = [
  testCase('R1', 'with the stored tag', [
    fill(stale('', 'ETag: "a"')),
    { reply: unchanged('ETag: "a"'), want: { from: 0, asked: 1, status: 200, sent: { 'if-none-match': '"a"' } } },
    hit(),
  ]),
  testCase('R1', 'with a weak tag', [
    fill(stale('', 'ETag: W/"a"')),
    { reply: unchanged('ETag: W/"a"'), want: { from: 0, asked: 1, status: 200, sent: { 'if-none-match': 'W/"a"' } } },
    hit(),
  ]),
  testCase('R1', 'with the stored date of change', [
    fill(stale('', 'Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT')),
    {
      reply: unchanged('Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT'),
      want: { from: 0, asked: 1, status: 200, sent: { 'if-modified-since': 'Sat, 01 Jan 2000 00:00:00 GMT' } },
    },
    hit(),
  ]),
  testCase('R1', 'with both', [
    fill(stale('', 'ETag: "a"', 'Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT')),
    asks({ want: { sent: { 'if-none-match': '"a"', 'if-modified-since': 'Sat, 01 Jan 2000 00:00:00 GMT' } } }),
  ]),
  testCase('R1', 'without any, the service is asked as at first', [
    fill(stale()),
    asks({ want: { sent: { 'if-none-match': null, 'if-modified-since': null } } }),
  ]),
  testCase('R1', 'a new answer replaces the stale one', [
    fill(stale('', 'ETag: "a"')),
    fill(['Cache-Control: max-age=60', 'ETag: "b"']),
    hit({ want: { from: 1, fields: { etag: '"b"' } } }),
  ]),
  testCase('R1', 'an answer that expires while it is stored', [
    fill(['Cache-Control: max-age=2', 'ETag: "a"']),
    {
      afterS: 2,
      reply: unchanged('ETag: "a"'),
      want: { from: 0, asked: 1, status: 200, sent: { 'if-none-match': '"a"' } },
    },
    hit(),
  ]),
]

const bound = ['must-revalidate', 'proxy-revalidate', 's-maxage=60', 'no-cache'] as const
const never: Case[] = [
  ...bound.flatMap((word) => [
    askedAgain('R2', `${word}: not while it is refreshed`, stale(`, ${word}, stale-while-revalidate=600`)),
    testCase('R2', `${word}: not when the service fails`, [
      fill(stale(`, ${word}, stale-if-error=600`, 'ETag: "a"')),
      { reply: failing(503), want: { status: 503 } },
    ]),
    testCase(
      'R2',
      `${word}: not when the service breaks off`,
      [fill(stale(`, ${word}, stale-if-error=600`, 'ETag: "a"')), { reply: reset, want: { status: 504 } }],
      { ours: true },
    ),
    askedAgain('R2', `${word}: not because the client takes stale answers`, stale(`, ${word}`), {
      again: ['Cache-Control: max-stale'],
    }),
    askedAgain('R2', `${word}: not by windows of the route`, stale(`, ${word}`), { route: 'windows', ours: true }),
    testCase(
      'R2',
      `${word}: not by windows of the route when the service fails`,
      [fill(stale(`, ${word}`)), { reply: failing(503), want: { status: 503 } }],
      { route: 'windows', ours: true },
    ),
  ]),
  testCase(
    'R2',
    'in the field that governs',
    [
      fill(['CDN-Cache-Control: max-age=60, must-revalidate, stale-if-error=600', 'Cache-Control: max-age=60', past]),
      { reply: failing(503), want: { status: 503 } },
    ],
    { ours: true },
  ),
  testCase(
    'R2',
    'a word of a field that does not govern binds nobody',
    [
      fill(['CDN-Cache-Control: max-age=60, stale-if-error=600', 'Cache-Control: max-age=60, must-revalidate', past]),
      hit({ reply: failing(503), want: { asked: 1 } }),
    ],
    { ours: true },
  ),
  testCase('R3', 'must-revalidate leaves a fresh answer fresh', [
    fill(['Cache-Control: max-age=60, must-revalidate']),
    hit(),
    hit(),
  ]),
  testCase('R3', 'proxy-revalidate leaves a fresh answer fresh', [
    fill(['Cache-Control: max-age=60, proxy-revalidate']),
    hit(),
    hit(),
  ]),
  testCase('R3', 'must-revalidate asks once the answer is stale', [
    fill(['Cache-Control: max-age=2, must-revalidate', 'ETag: "a"']),
    asks({ afterS: 2, want: { sent: { 'if-none-match': '"a"' } } }),
  ]),
]

const swr = ', stale-while-revalidate=600'
const refreshing: Case[] = [
  testCase(
    'R4',
    'the stale answer at once, and the new one afterwards',
    [
      fill(stale(swr)),
      hit({
        reply: { ...fresh, delayMs: 700 },
        want: { asked: 1, says: /^tidegate-onprem; hit; ttl=-\d+; detail=swr$/ },
      }),
      hit({ afterS: 1, want: { from: 1 } }),
    ],
    { ours: true },
  ),
  testCase(
    'R4',
    'when it expired in the store',
    [
      fill(['Cache-Control: max-age=2, stale-while-revalidate=600']),
      hit({ afterS: 2, reply: fresh, want: { asked: 1 } }),
      hit({ want: { from: 1 } }),
    ],
    { ours: true },
  ),
  testCase(
    'R4',
    'one refresh, however many ask',
    [
      fill(stale(swr)),
      hit({ times: 8, reply: { ...fresh, delayMs: 500 }, want: { asked: 1 } }),
      hit({ afterS: 0.5, want: { from: 1 } }),
    ],
    { ours: true },
  ),
  testCase(
    'R4',
    'the refresh validates',
    [
      fill(stale(swr, 'ETag: "a"')),
      hit({ reply: unchanged('ETag: "a"'), want: { asked: 1, sent: { 'if-none-match': '"a"' } } }),
      hit({ want: { age: [0, 6] } }),
    ],
    { ours: true },
  ),
  testCase(
    'R4',
    'the refresh carries no condition and no range of its client',
    [
      fill(stale(swr)),
      hit({
        send: ['If-None-Match: "z"', 'Range: bytes=0-1', 'X-Mine: 1'],
        reply: fresh,
        want: { asked: 1, status: 206, body: 'st', sent: { 'if-none-match': null, range: null, 'x-mine': '1' } },
      }),
      hit({ want: { from: 1 } }),
    ],
    { ours: true },
  ),
  testCase(
    'R4',
    'a refresh that fails leaves the stale answer in use',
    [fill(stale(swr)), hit({ reply: failing(503), want: { asked: 1 } }), hit()],
    { ours: true },
  ),
  testCase(
    'R4',
    'a refresh that failed is tried again after a second',
    [
      fill(stale(swr)),
      hit({ reply: failing(503), want: { asked: 1 } }),
      hit({ afterS: 1.2, reply: fresh, want: { asked: 1 } }),
      hit({ want: { from: 2 } }),
    ],
    { ours: true },
  ),
  askedAgain('R4', 'not beyond the window', stale(', stale-while-revalidate=10')),
  askedAgain('R4', 'not with a window of 0', stale(', stale-while-revalidate=0')),
  askedAgain('R4', 'not with a window that cannot be read', stale(', stale-while-revalidate=abc')),
  testCase('R4', 'not when the window has passed in the store', [
    fill(['Cache-Control: max-age=1, stale-while-revalidate=1']),
    asks({ afterS: 3 }),
  ]),
  differs(
    'operator',
    askedAgain('R4', 'by the window of the route', stale(), { route: 'windows' }),
    hit({ reply: fresh, want: { asked: 1 } }),
  ),
  askedAgain('R4', 'the window of the service before that of the route', stale(', stale-while-revalidate=10'), {
    route: 'windows',
  }),
]

const sie = ', stale-if-error=600'
const errors: Case[] = [
  ...[500, 502, 503, 504].map((status) =>
    testCase(
      'R5',
      `a stored answer instead of ${status}`,
      [fill(stale(sie)), hit({ reply: failing(status), want: { asked: 1 } })],
      { ours: true },
    ),
  ),
  testCase('R5', 'a stored answer instead of a reset', [fill(stale(sie)), hit({ reply: reset, want: { asked: 1 } })], {
    ours: true,
  }),
  testCase(
    'R5',
    'a stored answer when its validation fails',
    [fill(stale(sie, 'ETag: "a"')), hit({ reply: failing(500), want: { asked: 1, sent: { 'if-none-match': '"a"' } } })],
    { ours: true },
  ),
  ...[400, 403, 404, 410, 429, 501].map((status) =>
    testCase('R5', `${status} is an answer and no failure`, [
      fill(stale(sie)),
      { reply: failing(status), want: { status } },
    ]),
  ),
  testCase(
    'R5',
    'a failure is remembered for a second',
    [
      fill(stale(sie)),
      hit({ reply: failing(503), want: { asked: 1 } }),
      hit({ reply: failing(503), want: { asked: 0 } }),
      hit({ afterS: 1.2, reply: failing(503), want: { asked: 1 } }),
    ],
    { ours: true },
  ),
  testCase(
    'R5',
    'when the service is well again',
    [
      fill(stale(sie)),
      hit({ reply: failing(503), want: { asked: 1 } }),
      asks({ afterS: 1.2, reply: fresh }),
      hit({ want: { from: 2 } }),
    ],
    { ours: true },
  ),
  testCase('R5', 'not beyond the window', [
    fill(stale(', stale-if-error=10')),
    { reply: failing(503), want: { status: 503 } },
  ]),
  testCase('R5', 'not with a window that cannot be read', [
    fill(stale(', stale-if-error=abc')),
    { reply: failing(503), want: { status: 503 } },
  ]),
  differs(
    'operator',
    testCase(
      'R5',
      'by the window of the route',
      [fill(stale(', stale-while-revalidate=0')), { reply: failing(503), want: { status: 503 } }],
      { route: 'windows' },
    ),
    hit({ reply: failing(503), want: { asked: 1 } }),
  ),
]

const without: Case[] = [
  testCase('R6', 'no window, no stale answer: 503', [fill(stale()), { reply: failing(503), want: { status: 503 } }]),
  testCase('R6', 'no window, no stale answer: 500, with a tag', [
    fill(stale('', 'ETag: "a"')),
    { reply: failing(500), want: { status: 500 } },
  ]),
  testCase('R6', 'no window, no stale answer: a reset', [fill(stale()), { reply: reset, want: { status: 502 } }], {
    ours: true,
  }),
  testCase(
    'R6',
    'nobody gets the stale answer while another one waits for the new',
    [
      fill(['Cache-Control: max-age=2', 'ETag: "a"']),
      { afterS: 2, times: 4, reply: { ...fresh, delayMs: 400 }, want: { asked: 1 } },
    ],
    { route: 'together', ours: true },
  ),
  testCase('R7', 's-maxage leaves no stale answers, and it is told', [
    fill(['Cache-Control: s-maxage=2, stale-while-revalidate=600', 'ETag: "a"']),
    asks({ afterS: 2, reply: fresh, want: { says: /detail=swr-off-s-maxage/ } }),
  ]),
  testCase(
    'R7',
    's-maxage of a field that does not govern forbids nothing',
    [
      fill(['CDN-Cache-Control: max-age=60, stale-while-revalidate=600', 'Cache-Control: s-maxage=60', past]),
      hit({ reply: { headers: ['CDN-Cache-Control: max-age=60'] }, want: { asked: 1 } }),
    ],
    { ours: true },
  ),
]

const together: Step = { times: 6, reply: { ...fresh, delayMs: 300 }, want: { asked: 1 } }
const joined: Case[] = [
  testCase('W1', 'clients who come together cause one request', [together, hit()], { route: 'together', ours: true }),
  testCase('W1', 'those who forbid storing cause their own', [
    { ...together, send: ['Cache-Control: no-store'], want: { asked: 6 } },
  ]),
  testCase(
    'W2',
    'two variants asked for together cause two requests in turn',
    [
      fill(['Cache-Control: max-age=60', 'Vary: Foo'], {
        send: ['Foo: 1'],
        times: 3,
        reply: { delayMs: 200 },
        want: { asked: 1 },
      }),
      fill(['Cache-Control: max-age=60', 'Vary: Foo'], {
        send: ['Foo: 2'],
        times: 3,
        reply: { delayMs: 200 },
        want: { asked: 1 },
      }),
      hit({ send: ['Foo: 1'] }),
    ],
    { route: 'together', ours: true },
  ),
  testCase('W3', 'what cannot be stored is asked for by each', [
    { times: 6, reply: { headers: ['Cache-Control: no-store'], delayMs: 200 }, want: { asked: 6 } },
    { times: 6, reply: { headers: ['Cache-Control: no-store'], delayMs: 200 }, want: { asked: 6 } },
  ]),
  testCase('W3', 'what can be stored again is stored again', [
    { times: 2, reply: { headers: ['Cache-Control: no-store'] }, want: { asked: 2 } },
    fill(['Cache-Control: max-age=60']),
    hit({ want: { from: 1 } }),
  ]),
]

export const staleness = [...validation, ...never, ...refreshing, ...errors, ...without, ...joined]
