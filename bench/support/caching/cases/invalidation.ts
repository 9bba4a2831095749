/** N1..N5, U1..U6, E1, E2: what ends the use of a stored answer, and failures that are kept. */
import { askedAgain, asks, type Case, differs, fill, hit, type Lines, reused, type Step, testCase } from '../case.ts'

const fresh = 'Cache-Control: max-age=60'
const stored = fill([fresh])
const unsafe = (lines: Lines = [], step: Step = {}): Step => ({
  method: 'POST',
  ...step,
  reply: { headers: lines, ...step.reply },
})

const methods: Case[] = [
  ...['POST', 'PUT', 'DELETE', 'PATCH', 'REPORT'].map((method) =>
    testCase('N1', `${method} ends the use of what is stored`, [stored, unsafe([], { method }), asks()]),
  ),
  ...['OPTIONS'].map((method) => testCase('N1', `${method} does not`, [stored, asks({ method }), hit()])),
  testCase('N1', 'HEAD does not', [stored, hit({ method: 'HEAD' }), hit()]),
  ...[200, 201, 202, 204, 301, 302, 303, 307].map((status) =>
    testCase('N1', `${status} to POST ends it`, [stored, unsafe([], { reply: { status } }), asks()]),
  ),
  ...[400, 403, 404, 409, 500, 503].map((status) =>
    testCase('N1', `${status} to POST does not`, [stored, unsafe([], { reply: { status } }), hit()]),
  ),
]

const elsewhere = fill([fresh], { at: '/other' })
const otherHost = fill([fresh], { at: '/other', send: ['Host: other.example.com'] })
const targets: Case[] = [
  ...(['Location', 'Content-Location'] as const).flatMap((name) => [
    testCase('N1', `${name} with a whole URI`, [elsewhere, unsafe([`${name}: {url}/other`]), asks({ at: '/other' })], {
      ours: true,
    }),
    testCase('N1', `${name} with a path`, [elsewhere, unsafe([`${name}: {path}/other`]), asks({ at: '/other' })], {
      ours: true,
    }),
    testCase(
      'N1',
      `${name} relative to the target`,
      [elsewhere, unsafe([`${name}: other`], { at: '/one' }), asks({ at: '/other' })],
      { ours: true },
    ),
    testCase('N1', `${name} of another host does not count`, [
      otherHost,
      unsafe([`${name}: http://other.example.com{path}/other`]),
      hit({ at: '/other', send: ['Host: other.example.com'] }),
    ]),
    testCase('N1', `${name} of another scheme does not count`, [
      elsewhere,
      unsafe([`${name}: https://api.example.com{path}/other`]),
      hit({ at: '/other' }),
    ]),
    testCase('N1', `${name} of another port does not count`, [
      elsewhere,
      unsafe([`${name}: http://api.example.com:8080{path}/other`]),
      hit({ at: '/other' }),
    ]),
    testCase('N1', `${name} of a failure does not count`, [
      elsewhere,
      unsafe([`${name}: {path}/other`], { reply: { status: 500 } }),
      hit({ at: '/other' }),
    ]),
    testCase('N1', `${name} of an answer to GET does not count`, [
      elsewhere,
      fill([`${name}: {path}/other`]),
      hit({ at: '/other' }),
    ]),
    testCase('N1', `${name} that cannot be read harms nobody`, [
      elsewhere,
      unsafe([`${name}: http://[`]),
      hit({ at: '/other' }),
    ]),
  ]),
  testCase('N1', 'another path stays', [elsewhere, unsafe(), hit({ at: '/other' })]),
  testCase('N1', 'every variant', [
    fill([fresh, 'Vary: Foo'], { send: ['Foo: 1'] }),
    fill([fresh, 'Vary: Foo'], { send: ['Foo: 2'] }),
    unsafe(),
    asks({ send: ['Foo: 1'] }),
    asks({ send: ['Foo: 2'] }),
  ]),
  testCase(
    'N1',
    'every identity',
    [
      fill(['Cache-Control: public, max-age=60'], { send: ['Authorization: Bearer token-of-anna'] }),
      unsafe([], { send: ['Authorization: Bearer token-of-ben'] }),
      asks({ send: ['Authorization: Bearer token-of-anna'] }),
    ],
    { route: 'consumer', ours: true },
  ),
  testCase(
    'N1',
    'by the rule of the key',
    [fill([fresh], { at: '?a=1&utm=x' }), unsafe([], { at: '?a=1&utm=y' }), asks({ at: '?a=1&utm=x' })],
    { route: 'key-except', ours: true },
  ),
  testCase('N1', 'from a route that has no cache', [stored, unsafe(['Location: {path}'], { route: 'none' }), asks()], {
    ours: true,
  }),
  testCase('N1', 'what is fetched afterwards is stored', [stored, unsafe(), fill([fresh]), hit({ want: { from: 2 } })]),
  testCase('U4', 'PURGE of the public listener is a method like others', [
    stored,
    { method: 'PURGE', reply: { status: 405 } },
    hit(),
  ]),
]

const tag = 'Surrogate-Key: {path} news'
const tags: Case[] = [
  ...(['Surrogate-Key: a b', 'Cache-Tag: a, b'] as const).flatMap((line) => {
    const name = (line.split(':')[0] ?? '').toLowerCase()
    return [
      testCase(
        'N4',
        `${name} is for caches`,
        [fill([fresh, line], { want: { fields: { [name]: null } } }), hit({ want: { fields: { [name]: null } } })],
        { ours: true },
      ),
      testCase(
        'N4',
        `${name} is passed on where the route says so`,
        [fill([fresh, line], { want: { same: [name] } }), hit({ want: { same: [name] } })],
        { route: 'forward-tags', ours: true },
      ),
    ]
  }),
  testCase('N4', 'a tag of Surrogate-Key is purged', [fill([fresh, tag]), { purge: { tags: ['{path}'] } }, asks()], {
    ours: true,
  }),
  testCase(
    'N4',
    'a tag of Cache-Tag is purged',
    [fill([fresh, 'Cache-Tag: x, {path}']), { purge: { tags: ['{path}'] } }, asks()],
    { ours: true },
  ),
  testCase(
    'N4',
    'letter case of a tag matters',
    [fill([fresh, 'Cache-Tag: {path}-Aa']), { purge: { tags: ['{path}-aA'] } }, hit()],
    { ours: true },
  ),
  testCase(
    'N4',
    'a tag of the route is purged',
    [fill([fresh], { at: '?page={path}' }), { purge: { tags: ['page:{path}'] } }, asks({ at: '?page={path}' })],
    { route: 'tagged', ours: true },
  ),
]

const purges: Case[] = [
  testCase(
    'N2',
    'a purge by address',
    [stored, elsewhere, { purge: { urls: ['{url}'] } }, asks(), hit({ at: '/other', want: { from: 1 } })],
    { ours: true },
  ),
  testCase(
    'N2',
    'a purge by prefix',
    [
      fill([fresh], { at: '/a/b' }),
      fill([fresh], { at: '/ab' }),
      { purge: { prefixes: ['api.example.com{path}/a'] } },
      asks({ at: '/a/b' }),
      hit({ at: '/ab', want: { from: 1 } }),
    ],
    { ours: true },
  ),
  testCase(
    'U1',
    'a soft purge: stale, and of use while it is refreshed',
    [
      fill(['Cache-Control: max-age=60, stale-while-revalidate=600', `Cache-Tag: {path}`]),
      { purge: { tags: ['{path}'], soft: 60 } },
      hit({ reply: { headers: [fresh] }, want: { asked: 1 } }),
      hit({ want: { from: 2 } }),
    ],
    { ours: true },
  ),
  testCase(
    'U1',
    'a soft purge: validated what must be',
    [
      fill(['Cache-Control: max-age=60, must-revalidate', 'ETag: "a"', 'Cache-Tag: {path}']),
      { purge: { tags: ['{path}'], soft: 60 } },
      { reply: { headers: [fresh] }, want: { sent: { 'if-none-match': '"a"' } } },
    ],
    { ours: true },
  ),
  testCase(
    'U1',
    'a soft purge: of use when the service fails',
    [
      fill([fresh, 'Cache-Tag: {path}']),
      { purge: { tags: ['{path}'], soft: 60 } },
      hit({ reply: { status: 503 }, want: { asked: 1 } }),
    ],
    { ours: true },
  ),
  testCase(
    'U1',
    'a soft purge: never stale what must be validated',
    [
      fill(['Cache-Control: max-age=60, must-revalidate', 'Cache-Tag: {path}', 'ETag: "a"']),
      { purge: { tags: ['{path}'], soft: 60 } },
      { reply: { status: 503 }, want: { status: 503 } },
    ],
    { ours: true },
  ),
  testCase(
    'U1',
    'a hard purge: gone',
    [
      fill([
        'Cache-Control: max-age=60, stale-while-revalidate=600, stale-if-error=600',
        'ETag: "a"',
        'Cache-Tag: {path}',
      ]),
      { purge: { tags: ['{path}'] } },
      asks({ want: { sent: { 'if-none-match': null } } }),
    ],
    { ours: true },
  ),
  testCase(
    'U5',
    'a purge takes every variant',
    [
      fill([fresh, 'Vary: Foo'], { send: ['Foo: 1'] }),
      fill([fresh, 'Vary: Foo'], { send: ['Foo: 2'] }),
      { purge: { urls: ['{url}'] } },
      asks({ send: ['Foo: 1'] }),
      asks({ send: ['Foo: 2'] }),
    ],
    { ours: true },
  ),
  testCase(
    'U6',
    'what is stored after a purge is fresh',
    [
      fill([fresh, 'Cache-Tag: {path}']),
      { purge: { tags: ['{path}'] } },
      fill([fresh, 'Cache-Tag: {path}']),
      hit({ want: { from: 2 } }),
    ],
    { ours: true },
  ),
]

const member = (group: string) => fill([fresh, `Cache-Groups: ${group}`])
const ends = (value: string, step: Step = {}): Step =>
  unsafe([`Cache-Group-Invalidation: ${value}`], { at: '/unsafe', ...step })
const groups: Case[] = [
  testCase('N5', 'Cache-Groups passes', [
    fill([fresh, 'Cache-Groups: "{path}", "b"'], { want: { same: ['cache-groups'] } }),
    hit({ want: { same: ['cache-groups'] } }),
  ]),
  testCase('N5', 'an unsafe method ends the use of a group', [member('"{path}"'), ends('"{path}"'), asks()], {
    ours: true,
  }),
  testCase('N5', 'one of several groups', [member('"x", "{path}"'), ends('"y", "{path}"'), asks()], { ours: true }),
  testCase(
    'N5',
    'groups on several lines',
    [
      fill([fresh, 'Cache-Groups: "x"', 'Cache-Groups: "{path}"']),
      unsafe(['Cache-Group-Invalidation: "y"', 'Cache-Group-Invalidation: "{path}"'], { at: '/unsafe' }),
      asks(),
    ],
    { ours: true },
  ),
  testCase('N5', 'parameters of a group are ignored', [member('"{path}";a=1'), ends('"{path}";b=2'), asks()], {
    ours: true,
  }),
  testCase('N5', 'another group stays', [member('"{path}"'), ends('"{path}/other"'), hit()]),
  testCase('N5', 'letter case of a group matters', [member('"{path}/a"'), ends('"{path}/A"'), hit()]),
  testCase(
    'N5',
    'a failure ends the use of a group, too',
    [member('"{path}"'), ends('"{path}"', { reply: { status: 500 } }), asks()],
    { ours: true },
  ),
  testCase('N5', 'an answer to GET ends nothing', [
    member('"{path}"'),
    fill(['Cache-Group-Invalidation: "{path}"'], { at: '/unsafe' }),
    hit(),
  ]),
  testCase('N5', 'a group of another host stays', [
    member('"{path}"'),
    ends('"{path}"', { send: ['Host: other.example.com'] }),
    hit(),
  ]),
  testCase('N5', 'a list that cannot be read ends nothing', [member('"{path}"'), ends('"{path}", x y'), hit()]),
  testCase('N5', 'what is no text is no group', [member('{token}'), ends('token'), hit()]),
  testCase(
    'N5',
    'other groups of what was ended stay',
    [
      fill([fresh, 'Cache-Groups: "{path}", "{path}/2"'], { at: '/1' }),
      fill([fresh, 'Cache-Groups: "{path}/2"'], { at: '/2' }),
      ends('"{path}"'),
      asks({ at: '/1' }),
      hit({ at: '/2', want: { from: 1 } }),
    ],
    { ours: true },
  ),
  testCase('N5', 'a purge by group', [member('"{path}"'), { purge: { groups: ['{path}'] } }, asks()], { ours: true }),
]

const keptShortly = (id: string, name: string, status: number, lines: Lines = []) =>
  differs('operator', askedAgain(id, name, lines, { route: 'negative', reply: { status } }), hit())
const notKept = (name: string, status: number, lines: Lines = []) =>
  askedAgain('E1', name, lines, { route: 'negative', reply: { status } })
const negative: Case[] = [
  ...[404, 405, 500, 502, 503, 504].map((status) => keptShortly('E1', `${status} is kept as the route says`, status)),
  ...[400, 401, 403, 410, 429, 501].map((status) =>
    notKept(`${status} is not, when the route does not name it`, status),
  ),
  notKept('not against no-store', 404, ['Cache-Control: no-store']),
  notKept('not against private', 404, ['Cache-Control: private']),
  notKept('not against an explicit time', 404, ['Cache-Control: max-age=0']),
  reused('E1', 'an explicit time counts', ['Cache-Control: max-age=60'], {
    route: 'negative',
    reply: { status: 404 },
    ours: true,
  }),
  testCase('E1', 'not longer than the route says', [fill([], { reply: { status: 404 } }), asks({ afterS: 4.5 })], {
    route: 'negative',
  }),
  testCase(
    'E1',
    'not longer than Retry-After says',
    [fill(['Retry-After: 1'], { reply: { status: 503 } }), asks({ afterS: 1.5 })],
    { route: 'negative' },
  ),
  differs(
    'operator',
    testCase(
      'E1',
      'a service that is not there is not asked each time',
      [
        { want: { asked: 0, status: 502, says: /fwd=uri-miss/ } },
        { want: { asked: 0, status: 502, says: /fwd=uri-miss/ } },
      ],
      { route: 'dead', ours: true },
    ),
    { want: { asked: 0, status: 502, says: /; hit/ } },
  ),
  testCase(
    'E2',
    'a POST that makes the resource ends its 404',
    [
      fill([], { at: '/new', reply: { status: 404 } }),
      unsafe(['Location: {path}/new'], { reply: { status: 201 } }),
      fill([fresh], { at: '/new' }),
      hit({ at: '/new', want: { from: 2 } }),
    ],
    { route: 'negative', ours: true },
  ),
  testCase(
    'E2',
    'a PUT of the resource ends its 404',
    [fill([], { reply: { status: 404 } }), unsafe([], { method: 'PUT', reply: { status: 201 } }), asks()],
    { route: 'negative' },
  ),
]

export const invalidation = [...methods, ...targets, ...tags, ...purges, ...groups, ...negative]
