/** CS1, CS2: what an answer says of how it came about. */
import { asks, type Case, type FieldWanted, fill, hit, type Lines, type Step, testCase } from '../case.ts'

const fresh = 'Cache-Control: max-age=60'
const stale = [fresh, 'Age: 100', 'ETag: "a"']
const says = (pattern: string): { says: RegExp } => ({ says: new RegExp(`^tidegate-onprem; ${pattern}$`) })
const one = (id: string, name: string, steps: readonly Step[], route: Case['route'] = 'plain') =>
  testCase(id, name, steps, { ours: true, route })

const shapes: Case[] = [
  one('CS1', 'stored', [fill([fresh], { want: says('fwd=uri-miss; stored; ttl=(60|59)') })]),
  one('CS1', 'a hit', [fill([fresh]), hit({ want: says('hit; ttl=(60|5\\d)') })]),
  one('CS1', 'stale, and refreshed behind', [
    fill(['Cache-Control: max-age=60, stale-while-revalidate=600', 'Age: 100']),
    hit({ reply: { headers: [fresh] }, want: { asked: 1, ...says('hit; ttl=-4\\d; detail=swr') } }),
  ]),
  one('CS1', 'another variant', [
    fill([fresh, 'Vary: Foo'], { send: ['Foo: 1'] }),
    fill([fresh, 'Vary: Foo'], { send: ['Foo: 2'], want: says('fwd=vary-miss; stored; ttl=(60|59)') }),
  ]),
  one('CS1', 'validated', [
    fill(stale),
    {
      reply: { status: 304, headers: [fresh, 'ETag: "a"'] },
      want: { from: 0, asked: 1, status: 200, ...says('fwd=stale; fwd-status=304(; stored)?; ttl=(60|59)') },
    },
  ]),
  one('CS1', 'stale, and replaced', [fill(stale), fill([fresh], { want: says('fwd=stale; stored; ttl=(60|59)') })]),
  one('CS1', 'by another method', [asks({ method: 'POST', want: says('fwd=method') })]),
  one('CS1', 'a part', [
    {
      send: ['Range: bytes=0-1'],
      reply: { status: 206, headers: ['Content-Range: bytes 0-1/9'], body: 'st' },
      want: { says: /^tidegate-onprem; fwd=(partial|uri-miss)/ },
    },
  ]),
  one('CS1', 'stale because of a failure', [
    fill(['Cache-Control: max-age=60, stale-if-error=600', 'Age: 100']),
    hit({
      reply: { status: 503 },
      want: { asked: 1, says: /^tidegate-onprem; .*ttl=-4\d.*detail=(stale-if-error|sie)/ },
    }),
  ]),
  ...(
    [
      ['no-store', ['Cache-Control: no-store']],
      ['private', ['Cache-Control: private']],
      ['vary-any', [fresh, 'Vary: *']],
    ] as const
  ).map(([reason, lines]) =>
    one('CS2', `why it was not stored: ${reason}`, [
      fill(lines, { want: { says: new RegExp(`^tidegate-onprem; fwd=uri-miss; detail=${reason}$`) } }),
    ]),
  ),
]

const field = (steps: [Lines, FieldWanted]) =>
  fill([fresh, ...steps[0]], { want: { fields: { 'cache-status': steps[1] } } })
const members: Case[] = [
  one('CS1', 'behind what others said', [
    field([['Cache-Status: behind; hit; ttl=9'], /^behind; hit; ttl=9, tidegate-onprem; fwd=uri-miss/]),
  ]),
  one('CS1', 'one member, whatever was said', [
    field([['Cache-Status: a; hit', 'Cache-Status: b; fwd=miss'], /^a; hit, b; fwd=miss, tidegate-onprem; [^,]*$/]),
  ]),
  one('CS2', 'nothing on routes without a cache', [asks({ want: { fields: { 'cache-status': null } } })], 'none'),
  one(
    'CS2',
    'what others said stays on routes without a cache',
    [fill(['Cache-Status: behind; hit'], { want: { fields: { 'cache-status': 'behind; hit' } } })],
    'none',
  ),
  one('CS2', 'no key for those who may not explain', [
    fill([fresh], { want: { fields: { 'cache-status': /^(?!.*key=)/ } } }),
    hit({ want: { fields: { 'cache-status': /^(?!.*key=)/ } } }),
  ]),
  one(
    'CS2',
    'waiters are told that they were',
    [
      {
        times: 4,
        reply: { headers: [fresh], delayMs: 300 },
        want: { asked: 1, says: /^tidegate-onprem; fwd=(uri-miss; stored; ttl=|miss; collapsed|uri-miss; collapsed)/ },
      },
    ],
    'together',
  ),
]

export const cacheStatus = [...shapes, ...members]
