import type { Table } from '#routes/table.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { decideRequest } from './decide-request.ts'

/** Finds the route and the site by the table in force now; what matched no route is answered behind the fence. */
export function match(current: () => Table | undefined): Phase {
  return {
    name: 'match',
    before(x: Exchange): undefined {
      const table = current()
      if (table === undefined) throw problems['table-missing']({ retryAfterS: 1 })
      decideRequest(x, table)
      return undefined
    },
  }
}
