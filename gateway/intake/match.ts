import { unsafeClasses } from '#routes/canonical-target.ts'
import { decide } from '#routes/decide.ts'
import { problems as common } from '#routes/errors.ts'
import type { Table } from '#routes/table.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

/** Finds the route and the site by the table in force now; the request keeps this table whatever comes later. */
export function match(current: () => Table | undefined): Phase {
  return {
    name: 'match',
    before(x: Exchange): undefined {
      const table = current()
      if (table === undefined) throw problems['table-missing']({ retryAfterS: 1 })
      const decision = decide(table, x)
      if (decision.refused) {
        throw common['target-unsafe']({ classes: unsafeClasses(decision.target.unsafe).join(', ') })
      }
      x.table = table
      x.decision = decision
      return undefined
    },
  }
}
