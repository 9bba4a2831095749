import type { Case } from './case.ts'
import { age } from './cases/age.ts'
import { authorization } from './cases/authorization.ts'
import { cacheStatus } from './cases/cache-status.ts'
import { conditional } from './cases/conditional.ts'
import { directives } from './cases/directives.ts'
import { freshness } from './cases/freshness.ts'
import { headAndRange } from './cases/head-and-range.ts'
import { invalidation } from './cases/invalidation.ts'
import { key } from './cases/key.ts'
import { parsing } from './cases/parsing.ts'
import { replaying } from './cases/replaying.ts'
import { staleness } from './cases/stale.ts'
import { storing } from './cases/storing.ts'
import { targeted } from './cases/targeted.ts'
import { vary } from './cases/vary.ts'

const areas: readonly (readonly [string, readonly Case[]])[] = [
  ['parsing', parsing],
  ['storing', storing],
  ['replaying', replaying],
  ['authorization', authorization],
  ['freshness', freshness],
  ['age', age],
  ['vary', vary],
  ['key', key],
  ['stale', staleness],
  ['directives', directives],
  ['conditional', conditional],
  ['head-and-range', headAndRange],
  ['targeted', targeted],
  ['cache-status', cacheStatus],
  ['invalidation', invalidation],
]

/** Cases by the file that they stand in. */
export const caseAreas = areas.map(([name, cases]) => ({ file: `bench/support/caching/cases/${name}.ts`, cases }))

/** In the order of the rules. */
export const allCases: readonly Case[] = caseAreas.flatMap(({ cases }) => cases)
