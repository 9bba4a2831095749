import { describe, expect, it } from 'vitest'
import { systemRandom } from '#server-kit/random.ts'
import { shed } from '../../../gateway/limits/shed.ts'
import type { ShedLevel } from '../../../gateway/limits/shed-level.ts'
import { placementSet, route, service, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const services = ([1, 2, 3] as const).map((tier) => service(`tier-${tier}`, { tier }))
const routes = services.map(({ id }) => route(`/${id}`, { service: id }))
const table = await tableOf(structure(routes, { services }), placementSet([]))

function outcome(
  level: ShedLevel,
  tier: number | undefined,
  headers: readonly string[] = [],
  flags: readonly string[] = [],
): string {
  const counted: string[] = []
  const phase = shed({ level: () => level, random: systemRandom, shed: { inc: ({ tier }) => void counted.push(tier) } })
  const x = exchangeOf(headers)
  x.table = table
  x.decision = { route: table.structure.value.routes.find(({ service }) => service === `tier-${tier}`) } as never
  x.mark = { flags } as never
  try {
    void phase.before?.(x)
    return 'passes'
  } catch (cause) {
    expect(cause).toMatchObject({
      code: 'overloaded',
      facts: { retryAfterS: expect.toSatisfy((s) => s >= 1 && s <= 3) },
    })
    return String(counted)
  }
}

describe('a request under overload', () => {
  it.each([
    [0, ['passes', 'passes', 'passes', 'passes']],
    [1, ['passes', 'passes', 'passes', 'passes']],
    [2, ['passes', 'passes', '3', '3']],
    [3, ['passes', '2', '3', '3']],
  ] as const)(
    'at level %d is refused by the tier of its service, one without a service first: %j',
    (level, expected) => {
      expect([1, 2, 3, undefined].map((tier) => outcome(level, tier))).toEqual(expected)
    },
  )

  it('that is a copy nobody waits for goes first, if an edge has signed that it is one', () => {
    const said = ['x-tidegate-shadow', '1']

    expect([outcome(1, 1, [], ['shadow']), outcome(1, 1, said), outcome(0, 1, said, ['shadow'])]).toEqual([
      'shadow',
      'passes',
      'passes',
    ])
  })
})
