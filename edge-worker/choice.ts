import { type Decision, decide } from '#routes/decide.ts'
import * as headers from '#routes/header-names.ts'
import type { MarkFlag } from '#routes/hop.ts'
import type { Placement } from '#routes/placement.ts'
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
  /** What the gateway is told beside: that a tester chose, or that the target as written could be read as another path. */
  readonly flags: readonly MarkFlag[]
}

/** A name or an address, perhaps with a port. Two Host fields are read as a list, which is none. */
const isHost = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d*)?$/i

/**
 * The site for a request, one of `sites`. Without a table, or for a site that this edge was not told how to reach, it
 * is the first: any gateway forwards what is not its own. `target-unsafe` where the host refuses such targets, and
 * `host-invalid` for what is no host: the runtime takes what stands behind one for the beginning of the target.
 */
export function choose(
  table: EdgeTable | undefined,
  incoming: Incoming,
  sites: readonly Site[],
): Choice | 'target-unsafe' | 'host-invalid' {
  const { target, sent, forced } = incoming
  if (!isHost.test(incoming.host)) return 'host-invalid'
  const asWritten = table && decide(table, incoming)
  // `OPTIONS *` has no path that could be sent on, whatever the host's policy. What doctor asks a gateway refuses or answers.
  if ((asWritten?.refused && incoming.header(headers.echo) === undefined) || !sent.startsWith('/'))
    return 'target-unsafe'
  // The gateway decides on what it receives; so does the edge.
  const decision = table && sent !== target ? decide(table, { ...incoming, target: sent }) : asWritten
  const unsafe = (asWritten?.target.unsafe ?? 0) !== 0
  const known = (site: Site | undefined) => sites.find((one) => one === site)
  // Testers look; what writes stays with its owner.
  const tested = !unsafe && decision?.route !== undefined && decision.effect === 'read' ? known(forced) : undefined
  const site = tested ?? known(decision?.site) ?? (sites[0] as Site)
  return { site, table, decision, flags: unsafe ? ['unsafe'] : tested === undefined ? [] : ['force'] }
}

/**
 * The placement of a request that may be sent twice: it reads, has no body to be used up (edge trap D4), opens no tunnel,
 * every server reads its target in one way, and nobody asked for one site. Undefined for all others.
 */
export function repeatable(
  { body }: Pick<Request, 'body'>,
  { method, header }: Incoming,
  { table, decision, flags }: Choice,
): Placement | undefined {
  const reads = decision?.effect === 'read' && /^(?:GET|HEAD|OPTIONS)$/.test(method)
  if (!reads || flags.length > 0 || body !== null || header('upgrade') !== undefined) return undefined
  return table?.placementOf.get(decision.route?.unit ?? '')
}
