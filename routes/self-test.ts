import type { CatalogRoute } from './catalog-route.ts'
import type { Condition } from './condition.ts'
import { type Fault, faultAt, type Told } from './fault.ts'
import { compareHosts } from './host-pattern.ts'
import { comparePatterns } from './pattern.ts'
import { printRoute } from './route-conflicts.ts'
import type { HostFacts, RouteFacts } from './structure.ts'
import type { Trie } from './trie.ts'
import { type Witness, witnessesOf } from './witness.ts'
import { factsOf } from './witness-facts.ts'

/** A route of the table beside the line of the catalog that it comes from. */
export interface PlacedRoute {
  readonly facts: RouteFacts
  readonly source: CatalogRoute
}

export interface Tested {
  /** The table gives a request to another route than the rules of precedence do: it must not be published. */
  readonly faults: readonly Fault[]
  /** Routes that better ones hide. */
  readonly warnings: readonly Fault[]
}

/** Asks a built table for requests of each of its routes. `trie` gives positions in `routes`. */
export function selfTest(routes: readonly PlacedRoute[], hosts: readonly HostFacts[], trie: Trie): Tested {
  const faults: Fault[] = []
  const warnings: Fault[] = []
  const silent = placesOfSilence(routes)
  for (const [index, route] of routes.entries()) {
    const witnesses = witnessesOf(route.facts, silent)
    if (witnesses.length === 0) {
      const { place, pointer } = route.source
      const expected = 'no request can meet its conditions'
      warnings.push(faultAt(place, pointer, { value: printRoute(route.source), expected }))
      continue
    }
    const witness = witnesses.find((each) => find(each) === index)
    if (witness === undefined) {
      const host = route.facts.host ?? hosts[0]?.name
      const { rightly, told } = takenFrom(route, { ...(witnesses[0] as Witness), ...(host && { host }) })
      const { place, pointer } = route.source
      const list = rightly ? warnings : faults
      list.push(faultAt(place, pointer, told))
      continue
    }
    const hidden = route.facts.host === undefined ? hiddenOnHosts(index, witnesses) : undefined
    if (hidden !== undefined) warnings.push(faultAt(route.source.place, route.source.pointer, hidden))
  }
  return { faults, warnings }

  function find({ host, target, method, said }: Witness): number {
    return trie.match(host, target, method, factsOf(target, said))
  }

  /** Who takes a route's request, and whether by the rules of precedence. */
  function takenFrom({ source, facts }: PlacedRoute, witness: Witness): { rightly: boolean; told: Told } {
    const value = printRoute(source)
    const taker = routes[find(witness)]
    if (taker === undefined) {
      return { rightly: false, told: { value, expected: `the table has no route for ${printRequest(witness)}` } }
    }
    const order = compareHosts(taker.facts.host, facts.host) || comparePatterns(taker.source.pattern, source.pattern)
    const its = `${taker.facts.service} (${printRoute(taker.source)})`
    const expected = `no request reaches it: ${printRequest(witness)} goes to ${its}`
    return { rightly: order <= 0, told: { value, expected, also: taker.source.place } }
  }

  /** A route of any host that a better one hides on each host that there is. */
  function hiddenOnHosts(index: number, witnesses: readonly Witness[]): Told | undefined {
    const [first] = hosts
    const reached = hosts.some(({ name }) => witnesses.some((each) => find({ ...each, host: name }) === index))
    if (first === undefined || reached) return undefined
    const example = { ...(witnesses[0] as Witness), host: first.name }
    const taker = routes[find(example)]
    if (taker === undefined) return undefined
    const expected = `no declared host reaches it: ${printRequest(example)} goes to ${taker.facts.service}`
    return { value: printRoute((routes[index] as PlacedRoute).source), expected, also: taker.source.place }
  }
}

/** Where some route asks that nothing is said. */
function placesOfSilence(routes: readonly PlacedRoute[]): Condition['from'][] {
  const places = routes
    .flatMap(({ facts }) => facts.when ?? [])
    .filter(({ test, value }) => test === 'exists' && !value)
  return [...new Set(places.map(({ from }) => from))]
}

function printRequest({ method, host, target, said }: Witness): string {
  const more = Object.entries(said.headers).map(([name, value]) => `${name}: ${value}`)
  if (said.country !== undefined) more.push(`country ${said.country}`)
  return `${method} http://${host}${target}${said.query}${more.length === 0 ? '' : ` (${more.join(', ')})`}`
}
