import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalTarget } from '#routes/canonical-target.ts'
import { linearMatch } from '#routes/linear-matcher.ts'
import type { Pattern } from '#routes/pattern.ts'
import { parsePattern } from '#routes/pattern-fault.ts'
import { type WitnessedRoute, witnessesOf } from '#routes/witness.ts'
import { factsOf } from '#routes/witness-facts.ts'
import { conditions } from '../properties/generators/conditions.ts'
import { Random } from '../properties/generators/random.ts'

describe('a route is shown by its plainest request', () => {
  it.each([
    [{ pattern: '/v1/orders' }, 'GET x1.invalid /v1/orders'],
    [{ pattern: '/v1/orders/{id}:cancel', methods: ['POST'] }, 'POST x1.invalid /v1/orders/x1:cancel'],
    [{ pattern: '/files/**', host: '*.example.com' }, 'GET x1.example.com /files/x1'],
    [{ pattern: '/**', host: 'api.example.com' }, 'GET api.example.com /x1'],
    [{ pattern: '/' }, 'GET x1.invalid /'],
  ])('%j', (route, shown) => {
    const [plainest] = witnessesOf(route as WitnessedRoute)

    expect(`${plainest?.method} ${plainest?.host} ${plainest?.target}`).toBe(shown)
  })
})

it('each witness is a safe target that its route matches', () => {
  fc.assert(
    fc.property(patterns(), (pattern) => {
      for (const { host, target, method } of witnessesOf({ pattern: pattern.text })) {
        expect(canonicalTarget(target)).toEqual({ key: target, query: '', unsafe: 0 })
        expect(linearMatch([{ pattern }], host, target, method)).toBe(0)
      }
    }),
  )
})

it('each witness of a route with conditions meets them, and says something where it should', () => {
  fc.assert(
    fc.property(fc.integer(), fc.subarray(['header:x-more', 'query:more', 'country'] as const), (seed, also) => {
      const when = conditions(new Random(seed))
      const pattern = parsed('/a')
      for (const { host, target, method, said } of witnessesOf({ pattern: '/a', when }, also)) {
        expect(linearMatch([{ pattern, when }], host, target, method, factsOf(target, said))).toBe(0)
      }
    }),
  )
  const silent = { from: 'cookie:c', test: 'exists', value: false } as const
  expect(witnessesOf({ pattern: '/a', methods: ['GET'], when: [silent] }, ['header:x-more', 'cookie:c'])).toEqual([
    { host: 'x1.invalid', target: '/a', method: 'GET', said: { query: '', headers: {} } },
    { host: 'x1.invalid', target: '/a', method: 'GET', said: { query: '', headers: { 'x-more': 'x1' } } },
  ])
})

it('a tail is found below, beside and without the better routes around it', () => {
  const others = ['/a/{x}', '/a/{x}/{y}', '/a', `/a${'/{x}'.repeat(1)}:y`].map(parsed)
  const routes = [parsed('/a/**'), ...others].map((pattern) => ({ pattern }))

  const found = witnessesOf({ pattern: '/a/**' }).filter(
    ({ host, target, method }) => linearMatch(routes, host, target, method) === 0,
  )

  expect(new Set(found.map(({ target }) => (target === '/a/' ? 'slash' : 'deep')))).toEqual(new Set(['slash', 'deep']))
})

function parsed(text: string): Pattern {
  const result = parsePattern(text)
  if (!result.ok) throw new Error(result.fault.meaning)
  return result.pattern
}

function patterns(): fc.Arbitrary<Pattern> {
  const segment = fc.constantFrom('a', 'orders', '{p}', '{p}:cancel', 'x1')
  return fc.tuple(fc.array(segment, { minLength: 1, maxLength: 31 }), fc.boolean()).map(([segments, tail]) => {
    const named = segments.map((each, at) => each.replace('{p}', `{p${at}}`))
    return parsed(`/${[...named, ...(tail ? ['**'] : [])].join('/')}`)
  })
}
