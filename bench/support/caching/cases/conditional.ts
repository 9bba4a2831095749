/** C1..C6: conditions of clients, and what a 304 of the service changes. */
import { asks, type Case, differs, fill, hit, type Lines, type Reply, type Step, testCase } from '../case.ts'

const fresh = 'Cache-Control: max-age=60'
const [before, then, after] = [
  'Fri, 31 Dec 1999 23:59:59 GMT',
  'Sat, 01 Jan 2000 00:00:00 GMT',
  'Sat, 01 Jan 2000 00:00:01 GMT',
]
const changed = `Last-Modified: ${then}`

function condition(name: string, stored: Lines, send: Lines, status: number, ours = false): Case {
  return testCase('C1', name, [fill([fresh, ...stored]), hit({ send, want: { status } })], { ours })
}

const clients: Case[] = [
  condition('If-None-Match with the tag', ['ETag: "a"'], ['If-None-Match: "a"'], 304),
  condition('If-None-Match with another tag', ['ETag: "a"'], ['If-None-Match: "b"'], 200),
  condition('If-None-Match with the tag among others', ['ETag: "a"'], ['If-None-Match: "b", "a"'], 304),
  condition('If-None-Match on two lines', ['ETag: "a"'], ['If-None-Match: "b"', 'If-None-Match: "a"'], 304),
  condition('If-None-Match: *', ['ETag: "a"'], ['If-None-Match: *'], 304),
  condition('If-None-Match: * without a stored tag', [], ['If-None-Match: *'], 304, true),
  condition('If-None-Match without a stored tag', [], ['If-None-Match: "a"'], 200),
  condition('tags are compared weakly: stored weak', ['ETag: W/"a"'], ['If-None-Match: "a"'], 304),
  condition('tags are compared weakly: sent weak', ['ETag: "a"'], ['If-None-Match: W/"a"'], 304),
  condition('If-Modified-Since at the change', [changed], [`If-Modified-Since: ${then}`], 304),
  condition('If-Modified-Since after the change', [changed], [`If-Modified-Since: ${after}`], 304),
  condition('If-Modified-Since before the change', [changed], [`If-Modified-Since: ${before}`], 200),
  condition('If-Modified-Since that cannot be read', [changed], ['If-Modified-Since: yesterday'], 200),
  condition(
    'If-Modified-Since without Last-Modified: Date',
    [`Date: {now-5}`],
    ['If-Modified-Since: {now}'],
    304,
    true,
  ),
  condition('If-Modified-Since without Last-Modified, before Date', [], ['If-Modified-Since: {now-60}'], 200),
  condition(
    'If-None-Match before If-Modified-Since: no',
    ['ETag: "a"', changed],
    ['If-None-Match: "b"', `If-Modified-Since: ${after}`],
    200,
  ),
  condition(
    'If-None-Match before If-Modified-Since: yes',
    ['ETag: "a"', changed],
    ['If-None-Match: "a"', `If-Modified-Since: ${before}`],
    304,
  ),
  testCase('C1', 'HEAD has conditions, too', [
    fill([fresh, 'ETag: "a"']),
    hit({ method: 'HEAD', send: ['If-None-Match: "a"'], want: { status: 304 } }),
  ]),
  testCase(
    'C1',
    'a stored 404 ignores conditions',
    [
      fill([fresh, 'ETag: "a"'], { reply: { status: 404 } }),
      hit({ send: ['If-None-Match: "a"'], want: { status: 404 } }),
    ],
    { ours: true },
  ),
  ...(['If-Match: "b"', 'If-Unmodified-Since: Fri, 31 Dec 1999 23:59:59 GMT'] as const).map((line) =>
    testCase(
      'C1',
      `${line.split(':')[0]} is for the service`,
      [
        fill([fresh, 'ETag: "a"', changed]),
        asks({ send: [line], want: { sent: { [(line.split(':')[0] ?? '').toLowerCase()]: /./ } } }),
      ],
      { ours: true },
    ),
  ),
  testCase('C1', 'a condition is met by an answer that was just validated', [
    fill([fresh, 'Age: 100', 'ETag: "a"']),
    { send: ['If-None-Match: "a"'], reply: { status: 304, headers: [fresh, 'ETag: "a"'] } },
  ]),
]

const described = [
  fresh,
  'ETag: "a"',
  changed,
  'Expires: Thu, 18 Aug 2050 02:01:18 GMT',
  'Vary: Foo',
  'Content-Location: /somewhere',
  'Content-Type: text/plain',
  'X-Other: 1',
]
const notModified: Case[] = [
  ...['etag', 'date', 'cache-control', 'expires', 'vary', 'content-location'].map((name) =>
    testCase('C2', `a 304 carries ${name}`, [
      fill(described),
      hit({ send: ['If-None-Match: "a"'], want: { status: 304, same: [name] } }),
    ]),
  ),
  testCase(
    'C2',
    'a 304 carries Age',
    [fill(described), hit({ send: ['If-None-Match: "a"'], want: { status: 304, age: [0, 4] } })],
    { ours: true },
  ),
  testCase(
    'C2',
    'a 304 carries no Content-Type and no Content-Length',
    [
      fill(described),
      hit({
        send: ['If-None-Match: "a"'],
        want: { status: 304, fields: { 'content-length': null, 'content-type': null } },
      }),
    ],
    { ours: true },
  ),
  testCase(
    'C2',
    'a 304 with a tag needs no Last-Modified',
    [fill(described), hit({ send: ['If-None-Match: "a"'], want: { status: 304, fields: { 'last-modified': null } } })],
    { ours: true },
  ),
  testCase('C2', 'a 304 without a tag has Last-Modified', [
    fill([fresh, changed]),
    hit({ send: [`If-Modified-Since: ${then}`], want: { status: 304, same: ['last-modified'] } }),
  ]),
]

const staleA = fill([fresh, 'Age: 100', 'ETag: "a"'])
const is304 = (...headers: Lines): Reply => ({ status: 304, headers })
const stored: Case[] = [
  testCase('C3', 'the service is asked with the stored tag, and the client gets what it needs', [
    staleA,
    {
      send: ['If-None-Match: "z"'],
      reply: is304(fresh, 'ETag: "a"'),
      want: { from: 0, asked: 1, status: 200, sent: { 'if-none-match': /"a"/ } },
    },
  ]),
  testCase(
    'C3',
    'the client’s own condition is judged by the new answer',
    [
      staleA,
      { send: ['If-None-Match: "z"'], reply: { headers: [fresh, 'ETag: "z"'] }, want: { status: 304 } },
      hit({ want: { from: 1 } }),
    ],
    { ours: true },
  ),
  testCase(
    'C3',
    'an If-Modified-Since of the client does not go on beside the stored tag',
    [
      staleA,
      {
        send: [`If-Modified-Since: ${after}`],
        reply: { headers: [fresh] },
        want: { sent: { 'if-none-match': '"a"', 'if-modified-since': null } },
      },
    ],
    { ours: true },
  ),
  testCase(
    'C4',
    'with nothing stored a condition goes on unchanged, and its 304 comes back',
    [
      {
        send: ['If-None-Match: "z", W/"y"'],
        reply: is304('ETag: "z"'),
        want: { sent: { 'if-none-match': '"z", W/"y"' } },
      },
      asks({ want: { sent: { 'if-none-match': null } } }),
    ],
    { ours: true },
  ),
  testCase('C4', 'a 304 that nobody stored for stores nothing', [
    { send: [`If-Modified-Since: ${then}`], reply: is304(fresh, 'ETag: "z"') },
    asks(),
  ]),
  testCase('C4', 'a whole answer to a condition is stored', [
    { send: ['If-None-Match: "z"'], reply: { headers: [fresh, 'ETag: "a"'] } },
    hit(),
  ]),
]

function chooses(name: string, lines: Lines, reply: Lines, ours = false): Case {
  return testCase(
    'C5',
    name,
    [
      fill([fresh, 'Age: 100', ...lines]),
      { reply: is304(fresh, ...reply), want: { from: 0, asked: 1, status: 200 } },
      hit(),
    ],
    { ours },
  )
}
function refetches(name: string, lines: Lines, reply: Lines): Case {
  return testCase(
    'C5',
    name,
    [
      fill([fresh, 'Age: 100', ...lines]),
      {
        reply: [is304(fresh, ...reply), { headers: [fresh] }],
        want: { asked: 2, status: 200, sent: { 'if-none-match': null, 'if-modified-since': null } },
      },
      hit({ want: { from: 1 } }),
    ],
    { ours: true },
  )
}
const matching: Case[] = [
  chooses('the same strong tag', ['ETag: "a"'], ['ETag: "a"']),
  chooses('the same weak tag', ['ETag: W/"a"'], ['ETag: W/"a"']),
  chooses('a weak tag that is its twin', ['ETag: "a"'], ['ETag: W/"a"']),
  chooses('the same date of change', [changed], [changed]),
  chooses('no validator at all', ['ETag: "a"'], []),
  refetches('another strong tag: asked again without conditions', ['ETag: "a"'], ['ETag: "b"']),
  refetches('another date of change: asked again without conditions', [changed], [`Last-Modified: ${after}`]),
]

const old = ['X-Old: 1', 'X-Twice: 1', 'X-Twice: 2', 'Content-Type: text/plain', 'Content-Encoding: one']
/** After a 304 with these lines the answer shows these fields, at once and when it is used again. */
function freshened(name: string, lines: Lines, wanted: Step['want'], ours = false): Case {
  return testCase(
    'C6',
    name,
    [
      fill([fresh, 'Age: 100', 'ETag: "a"', ...old]),
      { reply: is304(fresh, 'ETag: "a"', ...lines), want: { ...wanted, from: 0, asked: 1, status: 200 } },
      hit({ want: { ...wanted } }),
    ],
    { ours },
  )
}
const freshening: Case[] = [
  freshened('a field is replaced', ['X-Old: 2'], { fields: { 'x-old': ['2'] } }),
  freshened('a field is added', ['X-New: 1'], { fields: { 'x-new': ['1'] } }),
  freshened('a field that the 304 does not name stays', ['X-New: 1'], { fields: { 'x-old': ['1'] } }),
  freshened('two lines are replaced by one', ['X-Twice: 3'], { fields: { 'x-twice': ['3'] } }),
  freshened('a line is replaced by two', ['X-Old: 3', 'X-Old: 4'], { fields: { 'x-old': ['3', '4'] } }),
  freshened('names are the same in any letter case', ['x-OLD: 5'], { fields: { 'x-old': ['5'] } }),
  freshened('Content-Type is replaced', ['Content-Type: text/html'], { fields: { 'content-type': 'text/html' } }),
  freshened('Content-Encoding is not', ['Content-Encoding: two'], { fields: { 'content-encoding': 'one' } }, true),
  freshened('Content-Range is not', ['Content-Range: bytes 0-1/2'], { fields: { 'content-range': null } }, true),
  freshened('fields of one connection are not', ['Connection: x-hop', 'X-Hop: 1', 'Keep-Alive: timeout=77'], {
    fields: { 'x-hop': null, 'keep-alive': { not: /77/ } },
  }),
  freshened(
    'Date is that of the 304',
    ['Date: Sat, 01 Jan 2050 00:00:00 GMT'],
    { fields: { date: 'Sat, 01 Jan 2050 00:00:00 GMT' } },
    true,
  ),
  testCase('C6', 'freshness is that of the 304', [
    staleA,
    { reply: is304('Cache-Control: max-age=2', 'ETag: "a"'), want: { from: 0, asked: 1, status: 200 } },
    { afterS: 2, reply: is304('Cache-Control: max-age=60', 'ETag: "a"'), want: { from: 0, asked: 1, status: 200 } },
    hit(),
  ]),
  testCase('C6', 'Vary is that of the 304', [
    fill([fresh, 'Age: 100', 'ETag: "a"'], { send: ['Foo: 1'] }),
    { send: ['Foo: 1'], reply: is304(fresh, 'ETag: "a"', 'Vary: Foo'), want: { from: 0, asked: 1, status: 200 } },
    hit({ send: ['Foo: 1'] }),
    asks({ send: ['Foo: 2'] }),
  ]),
  ...['no-store', 'private'].map((word) =>
    testCase(
      'C6',
      `a 304 with ${word} answers this request and ends the storing`,
      [
        staleA,
        { reply: is304(`Cache-Control: ${word}`, 'ETag: "a"'), want: { from: 0, asked: 1, status: 200 } },
        asks({ want: { sent: { 'if-none-match': null } } }),
      ],
      { ours: true },
    ),
  ),
  differs(
    'set-cookie',
    testCase(
      'C6',
      'a 304 that sets a cookie',
      [
        staleA,
        { reply: is304(fresh, 'ETag: "a"', 'Set-Cookie: a=1'), want: { from: 0, asked: 1, status: 200 } },
        hit({ want: { fields: { 'set-cookie': 'a=1' } } }),
      ],
      { ours: true },
    ),
    asks(),
  ),
]

export const conditional = [...clients, ...notModified, ...stored, ...matching, ...freshening]
