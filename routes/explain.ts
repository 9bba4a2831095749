import { unsafeClasses } from './canonical-target.ts'
import { inWords } from './condition-words.ts'
import { type Decision, decide, unsafeFor } from './decide.ts'
import { otherRoutes } from './path-readings.ts'
import type { RequestFacts } from './request-facts.ts'
import type { RouteFacts } from './structure.ts'
import type { Table } from './table.ts'
import { whyUnmatched } from './unmatched.ts'
import type { Bp } from './vocabulary.ts'

export interface Explanation {
  /** The very decision that an edge and a gateway make: explaining runs the same code. */
  readonly decision: Decision
  /** Routes as which the service might read the path: their guards hold, too. `too-many`: gateways refuse it. */
  readonly readings: readonly RouteFacts[] | 'too-many'
  /** In words, in the order in which it was made. */
  readonly sentences: readonly string[]
}

/** Why a request goes where it goes. */
export function explain(table: Table, facts: RequestFacts): Explanation {
  const decision = decide(table, facts)
  const numbers = `Structure ${table.structure.number}, placements ${table.placements.number}.`
  const told = [numbers, ...ofTarget(decision)]
  if (decision.refused) return { decision, readings: [], sentences: told }
  const readings = otherRoutes(table, facts, decision)
  if (readings === 'too-many') {
    const refused = 'It can be read in more ways than anybody means: refused by the gateway with 400 target-unsafe.'
    return { decision, readings, sentences: [...told, refused] }
  }
  const sentences = [...told, ofRoute(decision), ...ofReadings(readings), ofPlacement(table, facts, decision)]
  return { decision, readings, sentences }
}

function ofTarget({ target, refused, host, route }: Decision): readonly string[] {
  const read = `The path is read as ${target.key}.`
  if (target.unsafe === 0) return [read]
  const left = route === undefined ? target.unsafe : unsafeFor(route.policy, target)
  const accepted = unsafeClasses(target.unsafe & ~left).join(', ')
  const byRoute = accepted === '' ? [] : [`It has what its route accepts (${accepted}).`]
  if (left === 0) return [read, ...byRoute]
  const policy = refused
    ? `refused with 400 target-unsafe (host ${host?.name ?? 'not declared'} says reject)`
    : 'only counted (the host says observe)'
  return [read, ...byRoute, `It is unsafe (${unsafeClasses(left).join(', ')}): ${policy}.`]
}

function ofRoute({ route, effect }: Decision): string {
  if (route === undefined) return 'No route matches.'
  const { id, unit, when } = route
  const because = when === undefined ? '' : `, since ${when.map(inWords).join(' and ')}`
  return `It matches ${id} of unit ${unit}${because}, a ${effect}.`
}

function ofReadings(readings: readonly RouteFacts[]): readonly string[] {
  if (readings.length === 0) return []
  const ids = readings.map(({ id }) => id).join(', ')
  return [
    `The service might read the path as that of ${ids}: those guards hold, too, and nothing is cached or repeated.`,
  ]
}

function ofUnmatched(table: Table, facts: RequestFacts, decision: Decision): string {
  const why = whyUnmatched(table, facts, decision)
  switch (why.kind) {
    case 'host-unknown':
      return '421, since the table has no such host'
    case 'method-unknown':
      return facts.method === 'OPTIONS'
        ? `204 with what the path has routes for: ${why.allow.join(', ')}`
        : `405, since the path has routes for ${why.allow.join(', ')}`
    case 'route-unknown':
      return '404'
  }
}

function ofPlacement(table: Table, facts: RequestFacts, decision: Decision): string {
  const { site, because, route, epoch, bucket } = decision
  const placement = route && table.placementOf.get(route.unit)
  const moving = placement?.moving
  const share = moving && (decision.effect === 'read' ? moving.reads : moving.writes)
  const where = `so ${site} serves it`
  switch (because) {
    case 'no-route':
      return `Unmatched requests go to the default site: the gateway of ${site} answers ${ofUnmatched(table, facts, decision)}.`
    case 'home':
      return `The unit was never placed; its home is ${site}, ${where}.`
    case 'steady':
      return `Epoch ${epoch}: ${site} owns the unit and no move is under way, ${where}.`
    case 'not-yet':
      return `Epoch ${epoch}: a move to ${moving?.to} is under way, with none of the ${decision.effect}s yet, ${where}.`
    case 'all-moved':
      return `Epoch ${epoch}: all ${decision.effect}s have moved to ${site}, ${where}.`
    case 'no-key':
      return `Epoch ${epoch}: the request has none of the keys ${placement?.key.join(', ')}, ${where}, the owner.`
    case 'unsafe-target':
      return `Epoch ${epoch}: an unsafe target is never split, ${where}, the owner.`
    case 'bucket-moved':
      return `Epoch ${epoch}: bucket ${bucket} is below ${percent(share)} (${share}), ${where}.`
    case 'bucket-stays':
      return `Epoch ${epoch}: bucket ${bucket} is not below ${percent(share)} (${share}), ${where}, the owner.`
  }
}

function percent(share: Bp | undefined): string {
  return `${(share ?? 0) / 100} %`
}
