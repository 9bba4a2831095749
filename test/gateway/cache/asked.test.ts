import { expect, it } from 'vitest'
import type { Mark, MarkFlag } from '#routes/hop.ts'
import { askedOf } from '../../../gateway/cache/asked.ts'
import { cacheRules } from '../../../gateway/cache/cache-rules.ts'
import { asked, cachedRoute, cachePolicy, tableWith } from './asked.ts'

const table = await tableWith(cachedRoute('/v1/orders/{id}'))
const rules = cacheRules([], [])(cachePolicy)

it.each<[MarkFlag[], true | undefined]>([
  [[], undefined],
  [['unsafe'], undefined],
  [['shadowed'], undefined],
  [['shadow'], true],
  [['force'], true],
  [['failover'], true],
])('what an edge sent here against the placement is a guest’s: %j', (flags, guest) => {
  const x = asked(table, { target: '/v1/orders/1' })
  const route = x.decision?.route
  if (route === undefined) throw new Error('no route')
  const mark: Mark = { at: 1, requestId: 'r', structure: 1, placements: 1, because: 'steady', from: 'FRA', flags }
  x.mark = mark

  const found = askedOf(x, route, rules, () => undefined)

  expect(found !== 'too-many-tags' && found.lookup.guest).toBe(guest)
})
