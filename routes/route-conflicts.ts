import type { CatalogRoute } from './catalog-route.ts'
import type { CatalogService } from './catalog-service.ts'
import { canBothHold } from './condition-overlap.ts'
import { inWords } from './condition-words.ts'
import { type Fault, faultAt, inOrder } from './fault.ts'
import { shapeOf, slashVariants } from './pattern.ts'

/** Routes that would take the same requests with equal right: each pair once, told at the later place with the other. */
export function conflicts(services: readonly CatalogService[]): Fault[] {
  const routes = services.flatMap(({ name, routes }) => routes.map((route) => ({ ...route.place, name, route })))
  const taken = new Map<string, OwnedRoute[]>()
  const told = new Set<string>()
  const faults: Fault[] = []
  for (const each of inOrder(routes)) {
    for (const { claim, method } of claimsOf(each.route)) {
      const formers = taken.get(claim) ?? []
      taken.set(claim, formers)
      const former = formers.find(({ route }) => mayTakeTheSame(route, each.route))
      if (!formers.includes(each)) formers.push(each)
      if (former === undefined) continue
      const pair = `${former.file}${former.route.pointer} ${each.file}${each.route.pointer}`
      if (!told.has(pair)) faults.push(conflictOf(each.route, former, method))
      told.add(pair)
    }
  }
  return faults
}

/** `GET api.example.com/v1/orders`, in quotes, and its conditions. */
export function printRoute(route: Pick<CatalogRoute, 'methods' | 'host' | 'pattern' | 'when'>): string {
  const { methods, host = '', pattern, when } = route
  const conditions = when === undefined ? '' : ` when ${when.map(inWords).join(' and ')}`
  return `"${methods === undefined ? '' : `${methods.join(',')} `}${host}${pattern.text}"${conditions}`
}

/** More conditions go first, and such as exclude one another never meet. */
function mayTakeTheSame(one: CatalogRoute, other: CatalogRoute): boolean {
  if (one === other) return false
  const [some, others] = [one.when ?? [], other.when ?? []]
  return some.length === others.length && canBothHold(some, others)
}

interface OwnedRoute {
  readonly file: string
  readonly name: string
  readonly route: CatalogRoute
}

/** What only one route may have: a shape on a host for a method; for any method is one more beside those named. */
function claimsOf({ host, pattern, methods, policy }: CatalogRoute): { claim: string; method: string }[] {
  const variants = policy.trailingSlash === 'ignore' ? slashVariants(pattern) : [pattern]
  return variants.flatMap((variant) =>
    (methods ?? ['any method']).map((method) => ({ claim: `${host ?? ''} ${shapeOf(variant)} ${method}`, method })),
  )
}

function conflictOf(route: CatalogRoute, former: OwnedRoute, method: string): Fault {
  const path = former.route.pattern.text === route.pattern.text ? 'this path' : former.route.pattern.text
  return faultAt(route.place, route.pointer, {
    value: printRoute(route),
    expected: `${former.name} has ${path} for ${method} too, and neither goes first`,
    fix: 'take one out, or tell them apart by method, host or conditions that exclude each other',
    also: former.route.place,
  })
}
