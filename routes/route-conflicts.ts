import type { CatalogRoute, CatalogService } from './catalog-service.ts'
import { type Fault, faultAt, inOrder } from './fault.ts'
import { shapeOf, slashVariants } from './pattern.ts'

/** Routes that would take the same requests with equal right: each pair once, told at the later place with the other. */
export function conflicts(services: readonly CatalogService[]): Fault[] {
  const routes = services.flatMap(({ name, routes }) => routes.map((route) => ({ ...route.place, name, route })))
  const taken = new Map<string, OwnedRoute>()
  const told = new Set<string>()
  const faults: Fault[] = []
  for (const each of inOrder(routes)) {
    for (const { claim, method } of claimsOf(each.route)) {
      const former = taken.get(claim)
      if (former === undefined) taken.set(claim, each)
      else if (former.route !== each.route) {
        const pair = `${former.file}${former.route.pointer} ${each.file}${each.route.pointer}`
        if (!told.has(pair)) faults.push(conflictOf(each.route, former, method))
        told.add(pair)
      }
    }
  }
  return faults
}

/** `GET api.example.com/v1/orders`, in quotes. */
export function printRoute({ methods, host, pattern }: Pick<CatalogRoute, 'methods' | 'host' | 'pattern'>): string {
  return `"${methods === undefined ? '' : `${methods.join(',')} `}${host ?? ''}${pattern.text}"`
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
    fix: 'take one out, or tell them apart by method or host',
    also: former.route.place,
  })
}
