import type { Bindings } from './bindings.ts'
import type { Counts } from './counts.ts'
import type { Incoming } from './facts.ts'
import type { FailoverBudget } from './failover-budget.ts'
import type { HeldTable } from './held-table.ts'
import type { Outliers } from './outliers.ts'
import type { Places } from './places.ts'
import type { TableSource, WaitUntil } from './table-sources.ts'

/** What one isolate keeps between requests: values only, see edge trap E1. */
export interface EdgeParts {
  readonly bindings: Bindings
  readonly table: HeldTable
  /** The first is the one that knows. */
  readonly sources: readonly TableSource[]
  readonly counts: Counts
  readonly outliers: Outliers
  readonly budget: FailoverBudget
  /** Of copies. */
  readonly places: Places
  /** Random name of the isolate, for status. */
  readonly isolate: string
  /** Ms since 1970. */
  now(): number
}

/** One request on its way through. */
export interface Passing {
  readonly request: Request
  readonly incoming: Incoming
  readonly edge: EdgeParts
  readonly waitUntil: WaitUntil
}
