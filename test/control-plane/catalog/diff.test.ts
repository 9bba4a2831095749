import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RoutePolicy } from '#routes/policy.ts'
import { diffStructures } from '../../../control-plane/catalog/diff.ts'
import { anyDeployment, anyPolicy } from '../../properties/generators/policies.ts'
import { policy, route, service, structure } from '../../support/tables.ts'

const linesOf = (...[before, after]: Parameters<typeof diffStructures>) =>
  diffStructures(before, after).flatMap(({ lines }) => lines)
const withPolicy = (part: Partial<RoutePolicy>) => structure([route('/a', { policy: { ...policy, ...part } })])

describe('a diff', () => {
  it('tells what differs, by its path', () => {
    expect(linesOf(withPolicy({}), withPolicy({ stream: true, limits: { maxInFlight: 5 } }))).toEqual([
      '+ routes.* /a.limits.maxInFlight: 5',
      '+ routes.* /a.stream: true',
    ])
  })

  it('tells routes apart that differ in their conditions alone', () => {
    const forCountry = (country: string, effect: 'read' | 'write') =>
      route('/a', {
        when: [{ from: 'country', test: 'oneOf', value: [country] }],
        policy: { ...policy, effect },
      })
    const before = structure([forCountry('DE', 'read'), forCountry('AT', 'read')])
    const after = structure([forCountry('DE', 'write'), forCountry('AT', 'read')])

    expect(linesOf(before, after)).toHaveLength(2)
    expect(linesOf(before, structure([forCountry('DE', 'read')]))).not.toEqual([])
  })

  it('misses no change of a policy, or nobody would publish it', () => {
    fc.assert(
      fc.property(anyPolicy, anyPolicy, (one, other) => {
        expect(linesOf(withPolicy(one), withPolicy(other)).length > 0).toBe(
          sorted({ ...policy, ...one }) !== sorted({ ...policy, ...other }),
        )
      }),
      {
        numRuns: 300,
        examples: [
          [
            { ...policy, validate: { body: {} } },
            { ...policy, validate: { bodyRequired: true } },
          ],
        ],
      },
    )
  })

  it('nor of a deployment', () => {
    const withDeployments = (deployments: Parameters<typeof service>[1]) =>
      structure([route('/a')], { services: [service('orders', deployments)] })
    fc.assert(
      fc.property(anyDeployment, anyDeployment, (one, other) => {
        const lines = linesOf(withDeployments({ deployments: [one] }), withDeployments({ deployments: [other] }))
        expect(lines.length > 0).toBe(sorted(one) !== sorted(other))
      }),
    )
  })
})

/** Equal for values that differ in the order of their keys alone. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
