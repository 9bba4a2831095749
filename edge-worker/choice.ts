import { type Decision, decide } from '#routes/decide.ts'
import type { EdgePolicy } from '#routes/policy.ts'
import type { EdgeTable } from '#routes/table.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Incoming } from './facts.ts'

/** Where a request goes, and what was decided under which table. */
export interface Choice {
  readonly site: Site
  /** Undefined = no table was there yet. */
  readonly table: EdgeTable | undefined
  readonly decision: Decision<EdgePolicy> | undefined
  /** The target as the client wrote it could be read as another path. */
  readonly unsafe: boolean
}

/**
 * The site for a request, one of `sites`. Without a table, or for a site that this edge was not told how to reach, it
 * is the first: any gateway forwards what is not its own. `target-unsafe` where the host refuses such targets.
 */
export function choose(
  table: EdgeTable | undefined,
  incoming: Incoming,
  sites: readonly Site[],
): Choice | 'target-unsafe' {
  const { target, sent } = incoming
  const asWritten = table && decide(table, incoming)
  // `OPTIONS *` has no path that could be sent on, whatever the host's policy.
  if (asWritten?.refused || !sent.startsWith('/')) return 'target-unsafe'
  // The gateway decides on what it receives; so does the edge.
  const decision = table && sent !== target ? decide(table, { ...incoming, target: sent }) : asWritten
  const site = decision !== undefined && sites.includes(decision.site) ? decision.site : (sites[0] as Site)
  return { site, table, decision, unsafe: (asWritten?.target.unsafe ?? 0) !== 0 }
}
