import { unsafeClasses } from './canonical-target.ts'
import { type Decision, decide } from './decide.ts'
import type { RequestFacts } from './request-facts.ts'
import type { Table } from './table.ts'
import type { Bp } from './vocabulary.ts'

export interface Explanation {
  /** The very decision that an edge and a gateway make: explaining runs the same code. */
  readonly decision: Decision
  /** In words, in the order in which it was made. */
  readonly sentences: readonly string[]
}

/** Why a request goes where it goes. */
export function explain(table: Table, facts: RequestFacts): Explanation {
  const decision = decide(table, facts)
  const numbers = `Structure ${table.structure.number}, placements ${table.placements.number}.`
  const onward = decision.refused ? [] : [ofRoute(decision), ofPlacement(table, decision)]
  return { decision, sentences: [numbers, ...ofTarget(decision), ...onward] }
}

function ofTarget({ target, refused, host }: Decision): readonly string[] {
  const read = `The path is read as ${target.key}.`
  if (target.unsafe === 0) return [read]
  const classes = unsafeClasses(target.unsafe).join(', ')
  const policy = refused
    ? `refused with 400 target-unsafe (host ${host?.name ?? 'not declared'} says reject)`
    : 'only counted (the host says observe)'
  return [read, `It is unsafe (${classes}): ${policy}.`]
}

function ofRoute({ route, effect }: Decision): string {
  if (route === undefined) return 'No route matches.'
  return `It matches ${route.id} of unit ${route.unit}, a ${effect}.`
}

function ofPlacement(table: Table, decision: Decision): string {
  const { site, because, route, epoch, bucket } = decision
  const placement = route && table.placementOf.get(route.unit)
  const moving = placement?.moving
  const share = moving && (decision.effect === 'read' ? moving.reads : moving.writes)
  const where = `so ${site} serves it`
  switch (because) {
    case 'no-route':
      return `Unmatched requests go to the default site: the gateway of ${site} answers 404.`
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
