/** K1..K5: what tells two requests apart. */
import { type Ask, asks, type Case, fill, hit, type RouteName, testCase } from '../case.ts'

const fresh = ['Cache-Control: max-age=60']

function same(
  id: string,
  name: string,
  one: Ask,
  two: Ask,
  route: RouteName = 'plain',
  ours = route !== 'plain',
): Case {
  return testCase(id, name, [fill(fresh, one), hit(two)], { route, ours })
}
function apart(
  id: string,
  name: string,
  one: Ask,
  two: Ask,
  route: RouteName = 'plain',
  ours = route !== 'plain',
): Case {
  return testCase(
    id,
    name,
    [fill(fresh, one), asks({ ...two, reply: { headers: fresh } }), hit(one), hit({ ...two, want: { from: 1 } })],
    {
      route,
      ours,
    },
  )
}

const primary: Case[] = [
  apart('K1', 'another path', { at: '/a' }, { at: '/b' }),
  apart('K1', 'a path in other letters', { at: '/a' }, { at: '/A' }),
  apart('K1', 'a slash at the end', { at: '/a' }, { at: '/a/' }),
  same('K1', 'an escape that means the same', { at: '/a~b' }, { at: '/a%7Eb' }, 'plain', true),
  same('K1', 'an escape in small letters', { at: '/%C3%A9' }, { at: '/%c3%a9' }, 'plain', true),
  apart('K1', 'another query', { at: '?a=1' }, { at: '?a=2' }),
  apart('K1', 'a query against none', { at: '' }, { at: '?a=1' }),
  apart('K1', 'an empty query against none', { at: '' }, { at: '?' }, 'plain', true),
  apart('K1', 'a query in another order', { at: '?a=1&b=2' }, { at: '?b=2&a=1' }),
  apart('K1', 'a query with a parameter twice', { at: '?a=1' }, { at: '?a=1&a=1' }),
  apart('K1', 'a query that is escaped otherwise', { at: '?a=~' }, { at: '?a=%7E' }, 'plain', true),
  apart('K1', 'another host', { at: '' }, { send: ['Host: other.example.com'] }),
  same('K1', 'a host in other letters', { at: '' }, { send: ['Host: API.Example.COM'] }),
  same('K1', 'a host with the usual port', { at: '' }, { send: ['Host: api.example.com:80'] }, 'plain', true),
  same('K1', 'GET and HEAD are one class', {}, { method: 'HEAD' }),
  apart(
    'K1',
    'values cannot imitate a border between fields',
    { send: ['X-One: a', 'X-Two: b'] },
    { send: ['X-One: ab'] },
    'key-fields',
    true,
  ),
  apart(
    'K1',
    'values cannot imitate a length',
    { send: ['X-One: a5:x-two1:b'] },
    { send: ['X-One: a', 'X-Two: b'] },
    'key-fields',
    true,
  ),
]

const as = (name: string): Ask => ({ send: [`Authorization: Bearer token-of-${name}`] })
const shared = ['Cache-Control: max-age=60, public']
const identity: Case[] = [
  testCase(
    'K3',
    'per consumer: two tokens of one consumer have one entry, another consumer none',
    [
      fill(shared, as('anna')),
      hit(as('anna-phone')),
      asks({ ...as('ben'), reply: { headers: shared } }),
      hit(as('anna')),
      hit({ ...as('ben'), want: { from: 2 } }),
    ],
    { route: 'consumer', ours: true },
  ),
  testCase(
    'K3',
    'per token: two tokens of one consumer have two entries',
    [
      fill(shared, as('anna')),
      asks({ ...as('anna-phone'), reply: { headers: shared } }),
      hit(as('anna')),
      hit({ ...as('anna-phone'), want: { from: 1 } }),
    ],
    { route: 'token', ours: true },
  ),
  testCase('K3', 'those whom nobody knows are one class', [fill(fresh), hit()], { route: 'nobody', ours: true }),
  testCase(
    'K3',
    'no header of a client makes him another',
    [
      fill(shared, as('anna')),
      asks({
        send: [...(as('ben').send ?? []), 'X-Consumer: anna', 'X-Consumer-Id: anna', 'X-Tidegate-Consumer: anna'],
      }),
    ],
    { route: 'consumer', ours: true },
  ),
]

const query: Case[] = [
  same('K4', 'only the parameters that are named', { at: '?a=1&z=1' }, { at: '?z=2&a=1' }, 'key-only', true),
  apart('K4', 'a parameter that is named', { at: '?a=1&z=1' }, { at: '?a=2&z=1' }, 'key-only', true),
  same('K4', 'a name that is escaped is that name', { at: '?a=1' }, { at: '?%61=1' }, 'key-only', true),
  same('K4', 'a value that is escaped is that value', { at: '?a=x' }, { at: '?a=%78' }, 'key-only', true),
  same('K4', 'plus is a space', { at: '?b+c=1+2' }, { at: '?b%20c=1%202' }, 'key-only', true),
  apart('K4', 'a parameter without a value is there', { at: '?z' }, { at: '?a' }, 'key-only', true),
  same(
    'K4',
    'all but the parameters that are excepted',
    { at: '?a=1&utm=1' },
    { at: '?a=1&utm=2' },
    'key-except',
    true,
  ),
  same('K4', 'an excepted parameter may be missing', { at: '?a=1&utm=1' }, { at: '?a=1' }, 'key-except', true),
  apart('K4', 'a parameter that is not excepted', { at: '?a=1&utm=1' }, { at: '?a=2&utm=1' }, 'key-except', true),
  same('K4', 'no parameter at all', { at: '?a=1' }, { at: '?b=2' }, 'key-none', true),
  same('K4', 'no parameter at all, and no query', { at: '?a=1' }, { at: '' }, 'key-none', true),
  same('K4', 'parameters in order', { at: '?a=1&b=2' }, { at: '?b=2&a=1' }, 'key-sort', true),
  apart('K4', 'parameters in order: values still count', { at: '?a=1&b=2' }, { at: '?b=1&a=2' }, 'key-sort', true),
  testCase(
    'K4',
    'what is left out of the key still goes to the service',
    [fill(fresh, { at: '?z=1&a=1&utm=x', want: { sentLine: /\?z=1&a=1&utm=x HTTP/ } })],
    { route: 'key-only', ours: true },
  ),
]

const fields: Case[] = [
  apart('K5', 'a header of the key', { send: ['X-One: 1'] }, { send: ['X-One: 2'] }, 'key-fields', true),
  apart('K5', 'a header that is absent differs from an empty one', {}, { send: ['X-One:'] }, 'key-fields', true),
  same('K5', 'a header that is not of the key', { send: ['X-Three: 1'] }, { send: ['X-Three: 2'] }, 'key-fields', true),
  apart('K5', 'a cookie of the key', { send: ['Cookie: lang=de'] }, { send: ['Cookie: lang=en'] }, 'key-fields', true),
  apart('K5', 'a cookie that is absent differs from an empty one', {}, { send: ['Cookie: lang='] }, 'key-fields', true),
  same(
    'K5',
    'a cookie that is not of the key',
    { send: ['Cookie: lang=de; a=1'] },
    { send: ['Cookie: a=2; lang=de'] },
    'key-fields',
    true,
  ),
]

export const key = [...primary, ...identity, ...query, ...fields]
