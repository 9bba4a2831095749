import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalTarget } from '#routes/canonical-target.ts'
import { linearMatch } from '#routes/linear-matcher.ts'
import { buildTrie } from '#routes/trie.ts'
import { crowdedRoutes } from './generators/catalogs.ts'
import { said } from './generators/conditions.ts'
import { Random } from './generators/random.ts'
import { questionAbout } from './generators/targets.ts'

describe('the trie', () => {
  it('finds the route that the written rules of precedence name, for any routes, conditions and requests', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 40 }), (seed, count) => {
        const random = new Random(seed)
        const routes = crowdedRoutes(random, count)
        const trie = buildTrie(routes)

        for (let asked = 0; asked < 40; asked++) {
          const { host, target, method } = questionAbout(routes, random)
          const { key } = canonicalTarget(target)
          const facts = said(random)
          const { headers, country } = facts
          const question = { host, key, method, headers, country, query: facts.target }
          expect({ ...question, route: trie.match(host, key, method, facts) }).toEqual({
            ...question,
            route: linearMatch(routes, host, key, method, facts),
          })
        }
      }),
      { numRuns: 400 },
    )
  })

  it('answers any text at all, and a route only for a path', () => {
    const routes = crowdedRoutes(new Random(7), 60)
    const trie = buildTrie(routes)
    fc.assert(
      fc.property(anyText, anyText, anyText, (host, key, method) => {
        expect(trie.match(host, key, method)).toBe(linearMatch(routes, host, key, method))
      }),
    )
  })

  it('gives the same route whatever the order of the files was', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed)
        const routes = crowdedRoutes(random, 30)
        const shuffled = routes.toSorted(() => random.below(3) - 1)
        const [one, other] = [buildTrie(routes), buildTrie(shuffled)]

        for (let asked = 0; asked < 40; asked++) {
          const { host, target, method } = questionAbout(routes, random)
          const { key } = canonicalTarget(target)
          const facts = said(random)
          const found = routes[one.match(host, key, method, facts)]
          const again = shuffled[other.match(host, key, method, facts)]
          expect(again?.pattern.text.replace(/\/$/, '')).toBe(found?.pattern.text.replace(/\/$/, ''))
          expect(again?.host).toBe(found?.host)
          expect(again?.when?.length).toBe(found?.when?.length)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('enters no more nodes than the patterns have segments', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed)
        const routes = crowdedRoutes(random, 40)
        const trie = buildTrie(routes)
        // Twice the segments, for the second form of `trailingSlash: ignore`; one root for each host.
        const nodes = routes.reduce((sum, route) => sum + 1 + 2 * route.pattern.segments.length, 0)

        for (let asked = 0; asked < 20; asked++) {
          const { host, target, method } = questionAbout(routes, random)
          expect(trie.visits(host, canonicalTarget(target).key, method)).toBeLessThanOrEqual(nodes)
        }
      }),
      { numRuns: 100 },
    )
  })
})

const anyText = fc.oneof(
  fc.array(fc.nat(0xffff), { maxLength: 60 }).map((codes) => String.fromCharCode(...codes)),
  fc.string({ maxLength: 60 }).map((text) => `/${text}`),
)
