/** V1..V7: answers that depend on fields of the request. */
import { askedAgain, asks, type Case, fill, hit, type Lines, reused, type Step, testCase } from '../case.ts'

const fresh = 'Cache-Control: max-age=60'
const on = (vary: string, ...lines: Lines) => [fresh, `Vary: ${vary}`, ...lines]

const names: Case[] = [
  reused('V1', 'an equal field matches', on('Foo'), { send: ['Foo: 1'] }),
  askedAgain('V1', 'another value does not', on('Foo'), { send: ['Foo: 1'], again: ['Foo: 2'] }),
  askedAgain('V1', 'names are read in any letter case', on('fOO'), { send: ['Foo: 1'], again: ['foo: 2'] }),
  askedAgain('V1', 'each of several names counts: the first', on('Foo, Bar'), {
    send: ['Foo: 1', 'Bar: 1'],
    again: ['Foo: 2', 'Bar: 1'],
  }),
  askedAgain('V1', 'each of several names counts: the last', on('Foo, Bar'), {
    send: ['Foo: 1', 'Bar: 1'],
    again: ['Foo: 1', 'Bar: 2'],
  }),
  askedAgain('V1', 'names on the second line count', [fresh, 'Vary: Foo', 'Vary: Bar'], {
    send: ['Foo: 1', 'Bar: 1'],
    again: ['Foo: 1', 'Bar: 2'],
  }),
  reused('V1', 'several names that all match', on('Foo, Bar'), { send: ['Foo: 1', 'Bar: 2'] }),
  reused('V1', 'a name twice is a name', on('Foo, foo, FOO'), { send: ['Foo: 1'] }),
  reused('V1', 'empty members are no names', on(', ,Foo, ,'), { send: ['Foo: 1'] }),
  reused('V1', 'an empty Vary is none', [fresh, 'Vary:'], { send: ['Foo: 1'], again: ['Foo: 2'] }),
  reused('V1', 'fields that are not named do not matter', on('Foo'), {
    send: ['Foo: 1', 'Bar: 1'],
    again: ['Bar: 2', 'Foo: 1'],
  }),
  ...['*', 'Foo, *', '*, Foo', ' * '].map((vary) =>
    askedAgain('V1', `Vary: ${vary} never matches`, on(vary), { send: ['Foo: 1'] }),
  ),
  askedAgain('V1', '* on the second line', [fresh, 'Vary: Foo', 'Vary: *'], { send: ['Foo: 1'] }),
]

const values: Case[] = [
  reused('V2', 'absent in both', on('Foo')),
  askedAgain('V2', 'absent in the second', on('Foo'), { send: ['Foo: 1'], again: [] }),
  askedAgain('V2', 'absent in the first', on('Foo'), { send: [], again: ['Foo: 1'] }),
  askedAgain('V2', 'absent differs from empty', on('Foo'), { send: [], again: ['Foo:'], ours: true }),
  askedAgain('V2', 'letter case of values matters', on('Foo'), { send: ['Foo: a'], again: ['Foo: A'] }),
  askedAgain('V2', 'order of members matters', on('Foo'), { send: ['Foo: 1, 2'], again: ['Foo: 2, 1'] }),
  askedAgain('V2', 'a longer value is another one', on('Foo'), { send: ['Foo: 1'], again: ['Foo: 11'] }),
  reused('V2', 'several lines equal one with commas', on('Foo'), {
    send: ['Foo: 1', 'Foo: 2'],
    again: ['Foo: 1, 2'],
    ours: true,
  }),
  reused('V2', 'space around commas does not matter', on('Foo'), {
    send: ['Foo: 1,2'],
    again: ['Foo: 1  , 2'],
    ours: true,
  }),
  reused('V2', 'space around values does not matter', on('Foo'), { send: ['Foo: 1'], again: ['Foo:   1  '] }),
  askedAgain('V2', 'space inside values matters', on('Foo'), { send: ['Foo: a b'], again: ['Foo: a  b'], ours: true }),
]

const lists: Case[] = [
  ...(['Accept-Encoding', 'Accept-Language'] as const).flatMap((name) => [
    reused('V3', `${name}: order does not matter`, on(name), {
      send: [`${name}: aa, bb`],
      again: [`${name}: bb,aa`],
      ours: true,
    }),
    reused('V3', `${name}: letter case does not matter`, on(name), {
      send: [`${name}: AA, bb`],
      again: [`${name}: aa, BB`],
      ours: true,
    }),
    askedAgain('V3', `${name}: parameters stay with their members`, on(name), {
      send: [`${name}: aa;q=0.5, bb`],
      again: [`${name}: aa, bb;q=0.5`],
    }),
    askedAgain('V3', `${name}: another member is another value`, on(name), {
      send: [`${name}: aa, bb`],
      again: [`${name}: aa, cc`],
    }),
    askedAgain('V3', `${name}: absent is another value`, on(name), { send: [`${name}: aa`], again: [] }),
  ]),
]

const choosing: Case[] = [
  testCase('V4', 'each of three variants answers its own', [
    fill(on('Foo'), { send: ['Foo: 1'] }),
    fill(on('Foo'), { send: ['Foo: 2'] }),
    fill(on('Foo'), { send: ['Foo: 3'] }),
    hit({ send: ['Foo: 1'] }),
    hit({ send: ['Foo: 2'], want: { from: 1 } }),
    hit({ send: ['Foo: 3'], want: { from: 2 } }),
  ]),
  testCase('V4', 'variants of two fields', [
    fill(on('Foo, Bar'), { send: ['Foo: 1', 'Bar: 1'] }),
    fill(on('Foo, Bar'), { send: ['Foo: 1', 'Bar: 2'] }),
    hit({ send: ['Foo: 1', 'Bar: 1'] }),
    hit({ send: ['Bar: 2', 'Foo: 1'], want: { from: 1 } }),
    asks({ send: ['Foo: 2', 'Bar: 1'] }),
  ]),
  testCase(
    'V4',
    'an answer is judged by its own Vary, not by that of another',
    [
      fill(on('Foo'), { send: ['Foo: 1', 'Bar: 1'] }),
      fill(on('Bar'), { send: ['Foo: 2', 'Bar: 2'] }),
      hit({ send: ['Foo: 9', 'Bar: 2'], want: { from: 1 } }),
      hit({ send: ['Foo: 1', 'Bar: 9'] }),
    ],
    { ours: true },
  ),
  testCase('V4', 'of several that match the latest by Date', [
    fill(on('Foo', 'Date: {now-20}'), { send: ['Foo: 1', 'Bar: 1'] }),
    fill(on('Bar', 'Date: {now-5}'), { send: ['Foo: 2', 'Bar: 1'] }),
    hit({ send: ['Foo: 1', 'Bar: 1'], want: { from: 1 } }),
  ]),
  testCase(
    'V4',
    'of several that match the latest by Date, though it was stored first',
    [
      fill(on('Foo', 'Date: {now-5}'), { send: ['Foo: 1', 'Bar: 1'] }),
      fill(on('Bar', 'Date: {now-20}'), { send: ['Foo: 2', 'Bar: 1'] }),
      hit({ send: ['Foo: 1', 'Bar: 1'] }),
    ],
    { ours: true },
  ),
]

const token = (name: string) => [`Authorization: Bearer token-of-${name}`]
const originals: Case[] = [
  testCase(
    'V5',
    'a credential that the service never sees still tells clients apart',
    [
      fill(['Cache-Control: public, max-age=60', 'Vary: Authorization'], { send: token('anna') }),
      asks({ send: token('ben'), reply: { headers: ['Cache-Control: public, max-age=60', 'Vary: Authorization'] } }),
      hit({ send: token('anna') }),
      hit({ send: token('ben'), want: { from: 1 } }),
    ],
    { route: 'shared', ours: true },
  ),
  testCase('V5', 'Vary: Cookie tells cookies apart', [
    fill(['Cache-Control: public, max-age=60', 'Vary: Cookie'], { send: ['Cookie: a=1'] }),
    asks({ send: ['Cookie: a=2'], reply: { headers: ['Cache-Control: public, max-age=60', 'Vary: Cookie'] } }),
    hit({ send: ['Cookie: a=1'] }),
    hit({ send: ['Cookie: a=2'], want: { from: 1 } }),
  ]),
  testCase('V5', 'Vary: Host matters to nobody of one host', [fill(on('Host')), hit()]),
]

const some = (count: number) => Array.from({ length: count }, (_, at) => `F${at}`).join(', ')
const many: Step[] = Array.from({ length: 33 }, (_, at) => fill(on('Foo'), { send: [`Foo: ${at}`] }))
const bounds: Case[] = [
  reused('V6', 'sixteen names are stored', on(some(16)), { send: ['F15: 1'] }),
  askedAgain('V6', 'seventeen names are not', on(some(17)), { send: ['F15: 1'], ours: true }),
  testCase(
    'V6',
    'of 33 variants the oldest goes',
    [
      ...many,
      hit({ send: ['Foo: 32'], want: { from: 32 } }),
      hit({ send: ['Foo: 1'], want: { from: 1 } }),
      asks({ send: ['Foo: 0'] }),
    ],
    { ours: true },
  ),
]

const offered = fill(on('Accept', 'ETag: "a"'), { send: ['Accept: text/1'] })
const validators: Case[] = [
  testCase(
    'V7',
    'the service is asked whether a variant will do, and it does',
    [
      offered,
      fill(on('Accept', 'ETag: "b"'), { send: ['Accept: text/2'] }),
      {
        send: ['Accept: text/3'],
        reply: { status: 304, headers: on('Accept', 'ETag: "a"') },
        want: { from: 0, asked: 1, status: 200, sent: { 'if-none-match': /^(?=.*"a")(?=.*"b").*$/ } },
      },
      hit({ send: ['Accept: text/3'] }),
      hit({ send: ['Accept: text/1'] }),
    ],
    { ours: true },
  ),
  testCase(
    'V7',
    'the service is asked whether a variant will do, and it does not',
    [
      offered,
      fill(on('Accept', 'ETag: "b"'), { send: ['Accept: text/2'], want: { sent: { 'if-none-match': '"a"' } } }),
      hit({ send: ['Accept: text/1'] }),
      hit({ send: ['Accept: text/2'], want: { from: 1 } }),
    ],
    { ours: true },
  ),
  testCase(
    'V7',
    'the service is not asked by what another coding or language of the same text has, too',
    [
      fill(on('Accept', 'ETag: W/"a"', `Last-Modified: ${'Thu, 01 Jan 2026 00:00:00 GMT'}`), {
        send: ['Accept: text/1'],
      }),
      asks({ send: ['Accept: text/2'], want: { sent: { 'if-none-match': null, 'if-modified-since': null } } }),
    ],
    { ours: true },
  ),
  testCase(
    'V7',
    'eight tags at most',
    [
      ...Array.from({ length: 9 }, (_, at) => fill(on('Accept', `ETag: "t${at}"`), { send: [`Accept: text/${at}`] })),
      asks({ send: ['Accept: text/99'], want: { sent: { 'if-none-match': /^("t[1-8]"(, )?){8}$/ } } }),
    ],
    { ours: true },
  ),
]

export const vary = [...names, ...values, ...lists, ...choosing, ...originals, ...bounds, ...validators]
