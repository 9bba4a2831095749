/** S6..S9: what of an answer is stored, and how it is replayed. */
import { askedAgain, asks, type Case, differs, fill, hit, type Lines, reused, testCase, validated } from '../case.ts'

const fresh = 'Cache-Control: max-age=60'

const a = ['X-A: one', 'X-B: two']
const qualified: Case[] = [
  reused(
    'S6',
    'fields named by private are not stored, the rest is',
    ['Cache-Control: max-age=60, private="x-a"', ...a],
    {
      want: { fields: { 'x-a': null, 'x-b': 'two' } },
      ours: true,
    },
  ),
  reused('S6', 'several fields named by private', ['Cache-Control: max-age=60, private="X-A, x-b"', ...a], {
    want: { fields: { 'x-a': null, 'x-b': null } },
    ours: true,
  }),
  testCase('S6', 'who caused the fetch gets the fields named by private', [
    fill(['Cache-Control: max-age=60, private="x-a"', ...a], { want: { fields: { 'x-a': 'one' } } }),
  ]),
  reused(
    'S6',
    'fields named by no-cache are left out of a reuse',
    ['Cache-Control: max-age=60, no-cache="x-a"', ...a],
    {
      want: { fields: { 'x-a': null, 'x-b': 'two' } },
      ours: true,
    },
  ),
  testCase(
    'S6',
    'fields named by no-cache are shown when the answer was validated',
    [
      fill(['Cache-Control: max-age=60, no-cache="x-a"', 'Age: 100', 'ETag: "a"', ...a]),
      {
        reply: { status: 304, headers: ['Cache-Control: max-age=60, no-cache="x-a"', 'ETag: "a"'] },
        want: { from: 0, asked: 1, status: 200, fields: { 'x-a': 'one', 'x-b': 'two' } },
      },
    ],
    { ours: true },
  ),
  askedAgain('S6', 'an empty list of private is all of it', ['Cache-Control: max-age=60, private=""', ...a]),
  validated('S6', 'an empty list of no-cache is all of it', ['Cache-Control: max-age=60, no-cache=""', ...a]),
  askedAgain('S6', 'a list of private that cannot be read is all of it', [
    'Cache-Control: max-age=60, private="x a, ("',
    ...a,
  ]),
  validated('S6', 'a list of no-cache that cannot be read is all of it', [
    'Cache-Control: max-age=60, no-cache="x a, ("',
    ...a,
  ]),
]

const hopByHop = [
  'Keep-Alive: timeout=99',
  'Proxy-Connection: x',
  'Proxy-Authenticate: Basic',
  'Proxy-Authentication-Info: a=1',
  'Upgrade: h2c',
  'TE: trailers',
]
const connections: Case[] = [
  ...hopByHop.map((line) => {
    const name = (line.split(':')[0] ?? '').toLowerCase()
    // A server may have a Keep-Alive of its own.
    const wanted = name === 'keep-alive' ? { not: /99/ } : null
    return reused('S7', `${name} is not replayed`, [fresh, line], { want: { fields: { [name]: wanted } } })
  }),
  reused('S7', 'a field that Connection names is not replayed', [fresh, 'Connection: x-a', ...a], {
    want: { fields: { 'x-a': null, 'x-b': 'two' } },
  }),
  reused(
    'S7',
    'fields that two lines of Connection name are not replayed',
    [fresh, 'Connection: x-a', 'Connection: X-B', ...a],
    {
      want: { fields: { 'x-a': null, 'x-b': null } },
    },
  ),
  ...['cache-control', 'expires', 'vary', 'etag', 'set-cookie', 'age'].map((name) =>
    askedAgain('S7', `Connection that names ${name} forbids storing`, [fresh, `Connection: ${name}`, 'X-B: two'], {
      ours: true,
    }),
  ),
]

const kept: Lines = [
  'X-Unknown: a, b;c="d"',
  'X-Empty:',
  'Link: </a>; rel=preload',
  'Link: </b>; rel=preload',
  'X-Twice: 1',
  'x-twice: 2',
  'Content-Type: text/plain; charset=Latin-1',
  'Content-Language: de',
  'Content-Encoding: unheard-of',
  'Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT',
  'ETag: "a b"',
  'Server: theirs/1.0',
  'Expires: Thu, 18 Aug 2050 02:01:18 GMT',
  'Content-Disposition: attachment; filename="a.txt"',
]
const keptNames = [...new Set(kept.map((line) => (line.split(':')[0] ?? '').toLowerCase()))].filter(
  (name) => name !== 'server',
)
const replay: Case[] = [
  ...keptNames.map((name) =>
    reused('S8', `${name} is replayed line by line`, [fresh, ...kept], { want: { same: [name] } }),
  ),
  reused('S8', 'Server is replayed', [fresh, ...kept], { want: { same: ['server'] }, ours: true }),
  reused(
    'S8',
    'Cache-Control is replayed as it came',
    ['Cache-Control: max-age=60,  Foo="a,b"', 'Cache-Control: bar'],
    {
      want: { same: ['cache-control'] },
    },
  ),
  reused('S8', 'Date is not rewritten', [fresh, 'Date: {now-5}'], { want: { same: ['date'] } }),
  reused('S8', 'Date is not rewritten, whatever its form', [fresh, 'Date: {rfc850-5}'], {
    want: { same: ['date'] },
    ours: true,
  }),
  reused('S8', 'Date is added where it is absent', [fresh], {
    reply: { date: false },
    want: { fields: { date: /GMT$/ } },
  }),
  reused('S8', 'a body is replayed byte for byte', [fresh], {
    reply: { body: Array.from({ length: 512 }, (_, at) => String.fromCharCode(at % 256)).join('') },
  }),
  reused('S8', 'a large body is replayed byte for byte', [fresh], { reply: { body: 'abcdefghij'.repeat(50_000) } }),
  reused('S8', 'a large chunked body is replayed byte for byte', [fresh], {
    reply: { body: 'jihgfedcba'.repeat(50_000), framing: 'chunked' },
  }),
  reused('S8', 'the status is replayed', [fresh], { reply: { status: 203 }, want: { status: 203 } }),
  differs(
    'set-cookie',
    reused('S8', 'Set-Cookie is replayed line by line', [fresh, 'Set-Cookie: a=1', 'Set-Cookie: b=2; Path=/'], {
      want: { same: ['set-cookie'] },
      ours: true,
    }),
    asks(),
  ),
  testCase(
    'S3',
    'an answer that sets a cookie is kept without it where the route says so',
    [
      fill([fresh, 'Set-Cookie: a=1'], { route: 'drop-set-cookie' }),
      hit({ route: 'drop-set-cookie', want: { same: ['set-cookie'] } }),
    ],
    {
      ours: true,
      api: {
        because: 'set-cookie',
        steps: [
          fill([fresh, 'Set-Cookie: a=1'], { route: 'drop-set-cookie' }),
          hit({ route: 'drop-set-cookie', want: { fields: { 'set-cookie': null } } }),
        ],
      },
    },
  ),
]

const page = 'p'.repeat(400)
const perRequest: Case[] = [
  testCase(
    'S9',
    'our own Via stands once on a hit',
    [fill([fresh, 'Via: 1.1 behind']), hit({ want: { fields: { via: /^1\.1 behind, 1\.1 tidegate$/ } } })],
    { ours: true },
  ),
  testCase(
    'S9',
    'a hit has the answer to its own origin',
    [
      fill([fresh], { route: 'transforms', send: ['Origin: https://one.example.com'] }),
      hit({
        route: 'transforms',
        send: ['Origin: https://two.example.com'],
        want: { fields: { 'access-control-allow-origin': 'https://two.example.com' } },
      }),
    ],
    { ours: true },
  ),
  testCase(
    'S9',
    'what was compressed for one client is whole for another',
    [
      fill([fresh, 'Content-Type: text/plain'], {
        route: 'transforms',
        reply: { body: page },
        send: ['Accept-Encoding: gzip'],
        want: { anyBody: true, fields: { 'content-encoding': 'gzip' } },
      }),
      hit({ route: 'transforms', want: { body: page, fields: { 'content-encoding': null } } }),
    ],
    { ours: true },
  ),
  testCase(
    'S9',
    'Cache-Status of an earlier answer is not replayed as ours',
    [
      fill([fresh, 'Cache-Status: behind; hit']),
      hit({ want: { fields: { 'cache-status': /^behind; hit, tidegate-onprem; hit; ttl=\d+$/ } } }),
    ],
    { ours: true },
  ),
]

export const replaying = [...qualified, ...connections, ...replay, ...perRequest]
