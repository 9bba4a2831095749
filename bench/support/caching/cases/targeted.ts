/** T1..T4: fields for one kind of cache alone. */
import { askedAgain, asks, type Case, fill, hit, type Lines, reused, testCase, validated } from '../case.ts'

const cdn = 'CDN-Cache-Control'
const own = 'X-Tidegate-Cache-Control'
const ours = { ours: true }
const reuse = (id: string, name: string, ...lines: Lines) => reused(id, name, lines, ours)
const ask = (id: string, name: string, ...lines: Lines) => askedAgain(id, name, lines, ours)

const order: Case[] = [
  reuse('T1', 'our own field before that of all CDNs', `${own}: max-age=60`, `${cdn}: max-age=0`),
  ask('T1', 'our own field before that of all CDNs, when it is shorter', `${own}: max-age=0`, `${cdn}: max-age=60`),
  reused('T1', 'a route may name its own list', ['Fancy-Cache-Control: max-age=60', `${cdn}: no-store`], {
    ...ours,
    route: 'targeted',
  }),
  askedAgain(
    'T1',
    'what a route’s own list leaves out is not read',
    [`${cdn}: max-age=60`, 'Cache-Control: max-age=0'],
    {
      ...ours,
      route: 'targeted',
    },
  ),
  ask('T1', 'a field for others is not read', 'Surrogate-Control: max-age=60', 'Cache-Control: max-age=0'),
  reuse('T1', 'of a key that stands twice the last counts', `${cdn}: max-age=0, max-age=60`),
  ask('T1', 'of a key that stands twice the last counts, when it is shorter', `${cdn}: max-age=60, max-age=0`),
  reuse('T1', 'of a key on two lines the last counts', `${cdn}: max-age=0`, `${cdn}: max-age=60`),
  reuse('T1', 'parameters are ignored', `${cdn}: max-age=60;no-store;foo="bar"`),
  reuse('T1', 'false is absent', `${cdn}: max-age=60, no-store=?0`),
  ask('T1', 'true is present', `${cdn}: max-age=60, no-store=?1`),
]

const governing: Case[] = [
  reuse('T2', 'Cache-Control is ignored: no-store', `${cdn}: max-age=60`, 'Cache-Control: no-store'),
  reuse('T2', 'Cache-Control is ignored: private', `${cdn}: max-age=60`, 'Cache-Control: private'),
  reuse('T2', 'Cache-Control is ignored: no-cache', `${cdn}: max-age=60`, 'Cache-Control: no-cache'),
  reuse('T2', 'Cache-Control is ignored: a shorter time', `${cdn}: max-age=60`, 'Cache-Control: max-age=0'),
  ask('T2', 'Cache-Control is ignored: a longer time', `${cdn}: max-age=0`, 'Cache-Control: max-age=60'),
  ask('T2', 'Cache-Control is ignored: any time', `${cdn}: foo`, 'Cache-Control: max-age=60'),
  reuse('T2', 'Expires is ignored', `${cdn}: max-age=60`, 'Expires: 0'),
  ask('T2', 'Expires is ignored: a later time', `${cdn}: foo`, 'Expires: {now+60}'),
  ask('T2', 'no-store', `${cdn}: no-store`, 'Cache-Control: max-age=60'),
  ask('T2', 'private', `${cdn}: private, max-age=60`, 'Cache-Control: max-age=60'),
  reuse('T2', 'an empty one is absent', `${cdn}:`, 'Cache-Control: max-age=60'),
  ask('T2', 'an empty one is absent: no-store', `${cdn}:`, 'Cache-Control: no-store'),
  reuse('T2', 'one with capitals in a key is absent', `${cdn}: Max-Age=0`, 'Cache-Control: max-age=60'),
  ask('T2', 'one with capitals in a key gives no time', `${cdn}: Max-Age=60`, 'Cache-Control: max-age=0'),
  reuse(
    'T2',
    'behind an invalid one the next of the list counts',
    `${own}: &`,
    `${cdn}: max-age=60`,
    'Cache-Control: no-store',
  ),
]

const types: Case[] = [
  ...['1.5', '"60"', 'abc', '-1', '?1', '(60)', ':MTA=:'].map((value) =>
    ask('T3', `max-age=${value} is no number of seconds`, `${cdn}: max-age=${value}`, 'Cache-Control: max-age=60'),
  ),
  ask('T3', 'max-age without a value is no number of seconds', `${cdn}: max-age`, 'Cache-Control: max-age=60'),
  ask('T3', 'no-store beats max-age', `${cdn}: max-age=60, no-store`),
  ask('T3', 'private beats max-age', `${cdn}: max-age=60, private`),
  validated('T3', 'no-cache beats max-age', [`${cdn}: max-age=60, no-cache`], ours),
  reuse('T3', 's-maxage counts', `${cdn}: s-maxage=60, max-age=0`),
  testCase(
    'T3',
    'stale-while-revalidate counts',
    [
      fill([`${cdn}: max-age=60, stale-while-revalidate=600`, 'Age: 100']),
      hit({ reply: { headers: [`${cdn}: max-age=60`] }, want: { asked: 1 } }),
    ],
    ours,
  ),
  testCase(
    'T3',
    'stale-if-error counts',
    [fill([`${cdn}: max-age=60, stale-if-error=600`, 'Age: 100']), hit({ reply: { status: 503 }, want: { asked: 1 } })],
    ours,
  ),
  testCase(
    'T3',
    'must-revalidate counts',
    [
      fill([`${cdn}: max-age=60, must-revalidate`, 'Cache-Control: stale-if-error=600', 'Age: 100']),
      { reply: { status: 503 }, want: { status: 503 } },
    ],
    ours,
  ),
  reused('T3', 'must-understand counts', [`${cdn}: max-age=60, no-store, must-understand`], ours),
]

const passing: Case[] = [
  testCase(
    'T4',
    'our own field is seen by no client',
    [
      fill([`${own}: max-age=60`], { want: { fields: { [own.toLowerCase()]: null } } }),
      hit({ want: { fields: { [own.toLowerCase()]: null } } }),
    ],
    ours,
  ),
  testCase(
    'T4',
    'our own field still counts when the answer is freshened',
    [
      fill([`${own}: max-age=60`, 'Age: 100', 'ETag: "a"']),
      {
        reply: { status: 304, headers: ['ETag: "a"'] },
        want: { from: 0, asked: 1, status: 200, fields: { [own.toLowerCase()]: null } },
      },
      hit(),
    ],
    ours,
  ),
  ...[cdn, 'Surrogate-Control', 'Fancy-Cache-Control'].map((name) =>
    testCase('T4', `${name} passes`, [
      fill(['Cache-Control: max-age=60', `${name}: max-age=60`], { want: { same: [name.toLowerCase()] } }),
      hit({ want: { same: [name.toLowerCase()] } }),
    ]),
  ),
  testCase(
    'T4',
    'a targeted field passes where nothing is stored',
    [
      fill([`${cdn}: no-store`], { want: { same: [cdn.toLowerCase()] } }),
      asks({ reply: { headers: [`${cdn}: no-store`] }, want: { same: [cdn.toLowerCase()] } }),
    ],
    ours,
  ),
]

export const targeted = [...order, ...governing, ...types, ...passing]
