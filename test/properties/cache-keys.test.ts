import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { canonicalTarget } from '#routes/canonical-target.ts'
import type { Table } from '#routes/table.ts'
import { cacheKey } from '../../gateway/cache/key.ts'
import { tagsOf } from '../../gateway/cache/tags.ts'
import { type Asked, asked, cachedRoute, ofRoute, tableWith } from '../gateway/cache/asked.ts'

const pers = ['everyone', 'consumer', 'token'] as const
let tables: readonly Table[]

beforeAll(async () => {
  const key = { headers: ['x-one', 'x-two'], cookies: ['a', 'b'] }
  tables = await Promise.all(
    pers.map((per) =>
      tableWith(cachedRoute('/**', { per, key }), cachedRoute('/q/**', { per, key: { ...key, sort: true } })),
    ),
  )
})

/** What an attacker would write: the separators of keys, their own texts, lengths. */
const piece = fc.constantFrom(
  '|',
  ':',
  '=',
  ';',
  '&',
  '-',
  ' ',
  '1',
  'a',
  'b',
  'x-two -',
  '|nobody -',
  '%26',
  '%',
  '"',
  '\xff',
)
const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''))
const value = fc.option(text, { nil: undefined })
const inUrl = fc.array(fc.constantFrom('a', 'b', '1', '-', ':', '=', '&', '+', '%26', '%3D', '|'), { maxLength: 6 })

interface Parts {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly path: string
  readonly query: string | undefined
  readonly one: string | undefined
  readonly two: string | undefined
  readonly a: string | undefined
  readonly b: string | undefined
  readonly consumer: string | undefined
  readonly credential: string
}

const cookie = fc.option(
  fc.array(fc.constantFrom('1', 'a', 'b', ':', '-', '|'), { maxLength: 5 }).map((pieces) => pieces.join('')),
  { nil: undefined },
)
const parts: fc.Arbitrary<Parts> = fc.record({
  scheme: fc.constantFrom('http', 'https'),
  host: fc.constantFrom('api.example.com', 'localhost', 'api.example.com:8443'),
  path: inUrl.map((pieces) => `/${pieces.join('').replaceAll('?', '')}`),
  query: fc.option(
    inUrl.map((pieces) => `?${pieces.join('')}`),
    { nil: undefined },
  ),
  one: value,
  two: value,
  a: cookie,
  b: cookie,
  consumer: fc.option(fc.constantFrom('-', 'a', 'b', '1:a', '|nobody', 'nobody'), { nil: undefined }),
  credential: fc.constantFrom('t1', 't2'),
})

function requestOf({ scheme, host, path, query = '', one, two, a, b, consumer, credential }: Parts): Asked {
  const headers: string[] = []
  if (one !== undefined) headers.push('x-one', one)
  if (two !== undefined) headers.push('x-two', two)
  if (a !== undefined) headers.push('cookie', `a=${a}`)
  if (b !== undefined) headers.push('cookie', `b=${b}`)
  return { scheme, host, target: path + query, headers, credential, ...(consumer === undefined ? {} : { consumer }) }
}

const anyPath = fc.webPath().filter((path) => path !== '' && canonicalTarget(path).unsafe === 0)

/** Who a request is to a route. */
function whoOf(per: (typeof pers)[number], { consumer, credential }: Parts): string {
  if (per === 'everyone') return 'everyone'
  if (consumer === undefined) return 'nobody'
  return per === 'consumer' ? `consumer ${consumer}` : `token ${credential}`
}

function keyOf(table: Table, request: Asked): string | undefined {
  const x = asked(table, request)
  // Two readings of one path: never from the store.
  if (x.decision?.target.unsafe !== 0) return undefined
  const { route, policy } = ofRoute(x)
  return cacheKey(x, route, policy).text
}

describe('keys of stored answers', () => {
  it('Cache K1: are one exactly for requests that are alike in every keyed part, whatever separators their values have', () => {
    fc.assert(
      fc.property(
        parts,
        parts,
        fc.subarray(
          Object.keys({
            scheme: 1,
            host: 1,
            path: 1,
            query: 1,
            one: 1,
            two: 1,
            a: 1,
            b: 1,
            consumer: 1,
            credential: 1,
          }),
        ),
        fc.nat(2),
        (mine, theirs, taken, at) => {
          // Mostly alike: two that have nothing in common prove little.
          const other: Parts = {
            ...mine,
            ...Object.fromEntries(taken.map((name) => [name, theirs[name as keyof Parts]])),
          }
          const per = pers[at] as (typeof pers)[number]
          const table = tables[at] as Table
          const one = keyOf(table, requestOf(mine))
          const two = keyOf(table, requestOf(other))
          if (one === undefined || two === undefined) return
          const told = (of: Parts) =>
            JSON.stringify([
              of.scheme,
              of.host,
              of.path,
              of.query ?? null,
              of.one ?? null,
              of.two ?? null,
              of.a ?? null,
              of.b ?? null,
              whoOf(per, of),
            ])

          expect(one === two).toBe(told(mine) === told(other))
        },
      ),
      { numRuns: 3_000 },
    )
  })

  it('Cache K3: of two identities are two, whatever else both wrote', () => {
    fc.assert(
      fc.property(parts, parts, fc.integer({ min: 1, max: 2 }), (mine, theirs, at) => {
        const per = pers[at] as (typeof pers)[number]
        fc.pre(whoOf(per, mine) !== whoOf(per, theirs))
        const one = keyOf(tables[at] as Table, requestOf(mine))
        const two = keyOf(
          tables[at] as Table,
          requestOf({ ...mine, consumer: theirs.consumer, credential: theirs.credential }),
        )

        expect(one === undefined || one !== two).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('Cache N2: have tags that a store takes, for any request', () => {
    fc.assert(
      fc.property(parts, anyPath, (of, path) => {
        const x = asked(tables[0] as Table, { ...requestOf(of), target: path })
        const { route, policy } = ofRoute(x)
        const tags = tagsOf(x, route, policy)

        for (const name of [...(tags?.exact ?? []), ...(tags?.scopes ?? [])])
          expect(name).toMatch(/^[\x21-\x7e]{1,250}$/)
        expect(tags?.scopes.length).toBeLessThanOrEqual(16)
      }),
    )
  })
})
