import { unsafeClasses } from '#routes/canonical-target.ts'
import { decide } from '#routes/decide.ts'
import { problems as common } from '#routes/errors.ts'
import { otherRoutes } from '#routes/path-readings.ts'
import type { Table } from '#routes/table.ts'
import type { Exchange } from '../exchange.ts'

/**
 * Decides a request by a table, which it keeps whatever comes later, and finds the routes as which its service might read
 * the path. Throws `target-unsafe` for what neither host nor route allow, and for what could be read in too many ways.
 */
export function decideRequest(x: Exchange, table: Table): void {
  const decision = decide(table, x)
  if (decision.refused) throw common['target-unsafe']({ classes: unsafeClasses(decision.target.unsafe).join(', ') })
  const readings = otherRoutes(table, x, decision)
  if (readings === 'too-many') throw common['target-unsafe']({ classes: 'more readings than one' })
  x.table = table
  x.decision = decision
  x.readings = readings
}
