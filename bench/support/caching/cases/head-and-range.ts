/** HD1, G1..G3, I1: HEAD, parts of answers, and interim answers. */
import { askedAgain, asks, type Case, fill, hit, type Lines, testCase, type Wanted } from '../case.ts'

const fresh = 'Cache-Control: max-age=60'
const digits = { body: '0123456789' }

const heads: Case[] = [
  testCase('HD1', 'HEAD is answered by a stored GET, with its fields and its length', [
    fill([fresh, 'ETag: "a"', 'X-A: 1'], { reply: digits }),
    hit({ method: 'HEAD', want: { body: '', same: ['etag', 'x-a', 'date'], fields: { 'content-length': '10' } } }),
  ]),
  testCase(
    'HD1',
    'with nothing stored HEAD goes on as HEAD',
    [
      fill([fresh], { method: 'HEAD', want: { sentLine: /^HEAD / } }),
      asks({ method: 'HEAD', want: { sentLine: /^HEAD / } }),
    ],
    { ours: true },
  ),
  testCase(
    'HD1',
    'a HEAD that finds the same freshens the stored answer',
    [
      fill([fresh, 'Age: 100', 'ETag: "a"'], { reply: digits }),
      fill([fresh, 'ETag: "a"', 'X-New: 1'], { method: 'HEAD', reply: digits, want: { body: '' } }),
      hit({ want: { fields: { 'x-new': '1' } } }),
    ],
    { ours: true },
  ),
  ...(
    [
      ['another tag', ['ETag: "b"', 'Last-Modified: {now-10000}'], digits],
      ['another date of change', ['ETag: "a"', 'Last-Modified: {now-500}'], digits],
      ['another length', ['ETag: "a"', 'Last-Modified: {now-10000}'], { body: 'short' }],
    ] as const
  ).map(([name, lines, reply]) =>
    testCase('HD1', `a HEAD that finds ${name} leaves the stored answer stale`, [
      fill(
        [
          'Cache-Control: max-age=60, stale-while-revalidate=0',
          'Age: 100',
          'ETag: "a"',
          'Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT',
        ],
        { reply: digits },
      ),
      fill([fresh, ...lines], { method: 'HEAD', reply, want: { body: '' } }),
      asks(),
    ]),
  ),
]

const stored = fill([fresh, 'ETag: "a"'], { reply: digits })
function part(name: string, range: string, wanted: Wanted, ours = false): Case {
  return testCase('G1', name, [stored, hit({ send: [`Range: ${range}`], want: wanted })], { ours })
}
const bytes = (first: number, last: number): Wanted => ({
  status: 206,
  body: digits.body.slice(first, last + 1),
  fields: { 'content-range': `bytes ${first}-${last}/10`, 'content-length': `${last - first + 1}`, etag: '"a"' },
})
const whole: Wanted = { status: 200, fields: { 'content-range': null, 'content-length': '10' } }
const parts: Case[] = [
  part('from the middle', 'bytes=2-4', bytes(2, 4)),
  part('one byte', 'bytes=0-0', bytes(0, 0)),
  part('from somewhere to the end', 'bytes=7-', bytes(7, 9)),
  part('the last bytes', 'bytes=-3', bytes(7, 9)),
  part('more last bytes than there are', 'bytes=-99', bytes(0, 9)),
  part('an end beyond the end', 'bytes=5-99', bytes(5, 9)),
  part('all of it', 'bytes=0-', bytes(0, 9)),
  part('beyond the end', 'bytes=10-', { status: 416, fields: { 'content-range': 'bytes */10' } }),
  part('far beyond the end', 'bytes=99-100', { status: 416, fields: { 'content-range': 'bytes */10' } }),
  part('none of the last bytes', 'bytes=-0', { status: 416, fields: { 'content-range': 'bytes */10' } }, true),
  ...['bytes=4-2', 'bytes=a-b', 'bytes=-', 'bytes=', 'bytes', 'bytes=1', 'bytes 0-1', '0-1', 'bytes=+1-2'].map(
    (range) => part(`${range} is ignored`, range, whole, true),
  ),
  part('other units are ignored', 'items=0-1', whole, true),
  part('several ranges are ignored', 'bytes=0-1,4-5', whole, true),
  testCase(
    'G1',
    'HEAD has no ranges',
    [stored, hit({ method: 'HEAD', send: ['Range: bytes=0-1'], want: { body: '', ...whole } })],
    { ours: true },
  ),
  testCase(
    'G1',
    'a stored 404 has no ranges',
    [
      fill([fresh], { reply: { ...digits, status: 404 } }),
      hit({ send: ['Range: bytes=0-1'], want: { status: 404, fields: { 'content-range': null } } }),
    ],
    { ours: true },
  ),
  testCase('G1', 'a stored chunked answer has ranges', [
    fill([fresh], { reply: { ...digits, framing: 'chunked' } }),
    hit({
      send: ['Range: bytes=2-4'],
      want: { ...bytes(2, 4), fields: { 'content-range': 'bytes 2-4/10', 'content-length': '3' } },
    }),
  ]),
]

const dated = [fresh, 'Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT']
function guarded(name: string, lines: Lines, condition: Lines, wanted: Wanted, ours = false): Case {
  return testCase(
    'G2',
    name,
    [fill(lines, { reply: digits }), hit({ send: ['Range: bytes=2-4', ...condition], want: wanted })],
    { ours },
  )
}
const sliced: Wanted = { status: 206, body: '234' }
const conditions: Case[] = [
  guarded('a condition that is met wins over the range', [fresh, 'ETag: "a"'], ['If-None-Match: "a"'], { status: 304 }),
  guarded('a condition that is not met leaves the range', [fresh, 'ETag: "a"'], ['If-None-Match: "b"'], sliced),
  guarded('If-Range with the tag', [fresh, 'ETag: "a"'], ['If-Range: "a"'], sliced),
  guarded('If-Range with another tag', [fresh, 'ETag: "a"'], ['If-Range: "b"'], whole),
  guarded('If-Range with a weak tag', [fresh, 'ETag: W/"a"'], ['If-Range: W/"a"'], whole),
  guarded('If-Range with a weak twin', [fresh, 'ETag: "a"'], ['If-Range: W/"a"'], whole),
  guarded('If-Range with the date of change', dated, ['If-Range: Sat, 01 Jan 2000 00:00:00 GMT'], sliced),
  guarded('If-Range with an earlier date', dated, ['If-Range: Fri, 31 Dec 1999 23:59:59 GMT'], whole),
  guarded('If-Range with a later date', dated, ['If-Range: Sat, 01 Jan 2000 00:00:01 GMT'], whole, true),
  guarded('If-Range with a tag where there is none', dated, ['If-Range: "a"'], whole),
  testCase(
    'G2',
    'a stale answer is validated first',
    [
      fill([fresh, 'Age: 100', 'ETag: "a"'], { reply: digits }),
      {
        send: ['Range: bytes=2-4'],
        reply: { status: 304, headers: [fresh, 'ETag: "a"'] },
        want: { ...sliced, asked: 1, from: 0, sent: { 'if-none-match': '"a"' } },
      },
    ],
    { ours: true },
  ),
]

const partial = (lines: Lines, range = 'bytes 2-6/10') => ({
  send: ['Range: bytes=2-6'],
  reply: { status: 206, headers: [fresh, `Content-Range: ${range}`, ...lines], body: '23456' },
})
const misses: Case[] = [
  testCase(
    'G3',
    'with nothing stored a range goes on as it came, and a part comes back',
    [
      {
        ...partial(['ETag: "a"']),
        want: { sent: { range: 'bytes=2-6' }, status: 206, fields: { 'content-range': 'bytes 2-6/10' } },
      },
    ],
    { ours: true },
  ),
  testCase('G3', 'a part is never the whole', [partial(['ETag: "a"']), asks()]),
  testCase(
    'G3',
    'a part answers ranges inside it',
    [
      partial(['ETag: "a"']),
      hit({
        send: ['Range: bytes=3-4'],
        want: { status: 206, body: '34', fields: { 'content-range': 'bytes 3-4/10' } },
      }),
    ],
    { ours: true },
  ),
  testCase('G3', 'a part does not answer ranges outside it', [
    partial(['ETag: "a"']),
    { send: ['Range: bytes=1-3'], reply: { status: 206, headers: ['Content-Range: bytes 1-3/10'], body: '123' } },
  ]),
  testCase('G3', 'a part does not answer a range to the end', [
    partial(['ETag: "a"']),
    { send: ['Range: bytes=5-'], reply: { status: 206, headers: ['Content-Range: bytes 5-9/10'], body: '56789' } },
  ]),
  ...(
    [
      ['a weak tag', ['ETag: W/"a"'], undefined],
      ['no tag', [], undefined],
      ['no known length', ['ETag: "a"'], 'bytes 2-6/*'],
    ] as const
  ).map(([name, lines, range]) =>
    testCase(
      'G3',
      `a part with ${name} is not stored`,
      [
        partial(lines, range),
        { send: ['Range: bytes=3-4'], reply: { status: 206, headers: ['Content-Range: bytes 3-4/10'], body: '34' } },
      ],
      { ours: true },
    ),
  ),
  testCase(
    'G3',
    'a whole answer to a range is stored',
    [
      {
        send: ['Range: bytes=2-6'],
        reply: { headers: [fresh, 'ETag: "a"'], ...digits },
        want: { anyBody: true, status: [200, 206] },
      },
      hit(),
    ],
    { ours: true },
  ),
  testCase(
    'G3',
    'a whole answer replaces a part',
    [
      partial(['ETag: "a"']),
      fill([fresh, 'ETag: "a"'], { reply: digits }),
      hit({ want: { from: 1 } }),
      hit({ send: ['Range: bytes=0-1'], want: { from: 1, status: 206, body: '01' } }),
    ],
    { ours: true },
  ),
]

const early = { status: 103, headers: ['Link: </a.css>; rel=preload', 'X-Early: 1'] }
const interim: Case[] = [
  testCase(
    'I1',
    '103 comes before the answer, where the route says so',
    [fill([fresh], { reply: { interim: [early] }, want: { interim: [103] } })],
    { route: 'hints', ours: true },
  ),
  testCase(
    'I1',
    '102 comes before the answer, where the route says so',
    [fill([fresh], { reply: { interim: [{ status: 102, headers: [] }, early] }, want: { interim: [102, 103] } })],
    { route: 'hints', ours: true },
  ),
  testCase(
    'I1',
    'an interim answer is not stored',
    [fill([fresh], { reply: { interim: [early] } }), hit({ want: { interim: [] } })],
    { route: 'hints' },
  ),
  testCase(
    'I1',
    'fields of an interim answer are none of the final one',
    [
      fill([fresh], { reply: { interim: [early] }, want: { fields: { 'x-early': null, link: null } } }),
      hit({ want: { fields: { 'x-early': null, link: null } } }),
    ],
    { route: 'hints' },
  ),
  testCase(
    'I1',
    'no interim answer where the route does not say so',
    [fill([fresh], { reply: { interim: [early] }, want: { interim: [] } })],
    { ours: true },
  ),
  askedAgain('I1', 'an interim answer gives no freshness', [], {
    reply: { interim: [{ status: 103, headers: [fresh] }] },
  }),
]

export const headAndRange = [...heads, ...parts, ...conditions, ...misses, ...interim]
