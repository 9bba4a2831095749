import type { Catalog } from './catalog.ts'
import type { CatalogRoute } from './catalog-route.ts'
import { type Fault, faultAt } from './fault.ts'
import { type Hop, type HopFinding, ladderFindings } from './hop-ladder.ts'
import type { HopsDocument } from './hops-schema.ts'
import { parseDuration, parseSize } from './quantity.ts'
import type { Site } from './vocabulary.ts'

/** A finding, and the first of the routes that share it. */
export interface CatalogHopFinding extends HopFinding {
  readonly site: Site
  readonly unit: string
  readonly route: CatalogRoute
  readonly routes: number
}

/** In the order of a request. */
const order = ['client', 'edge', 'balancer', 'gateway', 'mesh', 'service'] as const

/** What a gateway does unless its configuration says otherwise. */
const gatewayDefaults: Partial<Hop> = { keepAliveMs: 910_000, idleMs: 4_000 }

/**
 * What is wrong with the waits between clients and services, for each site that a unit is deployed at. Routes with equal
 * waits give one finding. A site that says nothing of its hops is judged by gateway and service alone.
 */
export function catalogHopFindings(catalog: Catalog, unit?: string): CatalogHopFinding[] {
  const found = new Map<string, CatalogHopFinding>()
  for (const { deployments, routes } of catalog.services) {
    for (const { site } of deployments) {
      for (const route of routes) {
        if (unit !== undefined && route.unit !== unit) continue
        for (const finding of ladderFindings(ladderOf(route, catalog.hops.get(site)))) {
          const key = `${site} ${unit === undefined ? '' : route.unit} ${finding.meaning}`
          const former = found.get(key)
          found.set(
            key,
            former === undefined
              ? { ...finding, site, unit: route.unit, route, routes: 1 }
              : { ...former, routes: former.routes + 1 },
          )
        }
      }
    }
  }
  return [...found.values()]
}

/** What the compiler says of them: requests that fail are a fault where the site states its hops, risks are warnings. */
export function hopFaults(catalog: Catalog): {
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
} {
  const faults: Fault[] = []
  const warnings: Fault[] = []
  for (const { kind, rule, site, route, routes, meaning, fix } of catalogHopFindings(catalog)) {
    if (kind === 'unset' || !catalog.hops.has(site)) continue
    const more = routes > 1 ? ` (and ${routes - 1} more)` : ''
    const value = `${site}: ${route.pattern.text}${more}`
    const told = faultAt(route.place, route.pointer, { value, expected: `${meaning} (${rule})`, fix })
    if (kind === 'wrong') faults.push(told)
    else warnings.push(told)
  }
  return { faults, warnings }
}

function ladderOf({ policy }: CatalogRoute, document: HopsDocument = {}): Hop[] {
  return order.flatMap((name): Hop[] => {
    const stated = document[name]
    if (name === 'gateway') return [{ ...gatewayDefaults, ...numbersOf(stated), ...ofRoute(policy), name }]
    // What is behind the gateway is always there; what is before it only where somebody says so.
    if (stated === undefined && name !== 'service') return []
    return [{ ...numbersOf(stated), name }]
  })
}

function ofRoute({ timeout, retry, maxBodyBytes, stream }: CatalogRoute['policy']): Partial<Hop> {
  const { connectMs, firstByteMs, totalMs } = timeout
  const tries = retry?.never === true || stream === true ? 1 : 2
  return { connectMs, firstByteMs, ...(stream === true ? {} : { totalMs }), maxBodyBytes, tries }
}

function numbersOf(stated: HopsDocument[(typeof order)[number]]): Partial<Hop> {
  if (stated === undefined) return {}
  const { connect, firstByte, total, keepAlive, idle, firewall, tries, maxBody } = stated
  const ms = (name: keyof Hop, text: string | undefined) => (text === undefined ? {} : { [name]: parseDuration(text) })
  return {
    ...ms('connectMs', connect),
    ...ms('firstByteMs', firstByte),
    ...ms('totalMs', total),
    ...ms('keepAliveMs', keepAlive),
    ...ms('idleMs', idle),
    ...ms('firewallMs', firewall),
    ...(tries === undefined ? {} : { tries }),
    ...(maxBody === undefined ? {} : { maxBodyBytes: parseSize(maxBody) as number }),
  }
}
