import { frontCode, frontDecode } from './front-code.ts'
import { isPattern } from './pattern.ts'
import { runPart, runsOf, unfoldRuns } from './runs.ts'
import { array, count, document, flag, text } from './shape.ts'
import type { RouteFacts, Structure } from './structure.ts'
import { decodeHost, decodePolicy, decodeService, decodeSite } from './structure-parts.ts'
import { limits } from './table.ts'

/**
 * The text that is sealed. Patterns are front-coded (each line says how much of the line before it repeats) and what
 * routes have in common is written once, since edges carry this text in their script: 10,000 routes stay under 45 KB
 * after gzip. Route ids are not shipped: they follow from the rest.
 */
export function encodeStructure(structure: Structure): string {
  const policies = new Interned()
  const kinds = new Interned()
  const rows = structure.routes.map(({ service, unit, host, methods, policy }) =>
    kinds.place([unit === service ? 0 : unit, host ?? 0, methods ?? 0, policies.place(policy)]),
  )
  const { number, mayShrink, defaultSite, sites, hosts, services } = structure
  return JSON.stringify({
    v: 1,
    kind: 'structure',
    number,
    mayShrink,
    defaultSite,
    sites,
    hosts,
    services,
    policies: policies.values,
    kinds: kinds.values,
    rows: rows.join(' '),
    owners: runsOf(structure.routes.map(({ service }) => service)),
    patterns: frontCode(structure.routes.map((route) => route.pattern)),
  })
}

/** Undefined for any text that `encodeStructure` would not have written. Bounded before it allocates by count. */
export function decodeStructure(body: string): Structure | undefined {
  const root = document(body)
  if (root?.['v'] !== 1 || root['kind'] !== 'structure') return undefined
  const number = count(root['number'])
  const mayShrink = flag(root['mayShrink'])
  const defaultSite = text(root['defaultSite'])
  const sites = array(root['sites'], decodeSite)
  const hosts = array(root['hosts'], decodeHost)
  const services = array(root['services'], decodeService)
  if (number === undefined || mayShrink === undefined || defaultSite === undefined) return undefined
  if (sites === undefined || hosts === undefined || services === undefined) return undefined
  const routes = decodeRoutes(root)
  if (routes === undefined || !sites.some(({ name }) => name === defaultSite)) return undefined
  return { number, mayShrink, defaultSite, sites, hosts, services, routes }
}

function decodeRoutes(root: Readonly<Record<string, unknown>>): readonly RouteFacts[] | undefined {
  const policies = array(root['policies'], decodePolicy)
  const rows = text(root['rows'])
  const packed = text(root['patterns'])
  const patterns = packed === undefined ? undefined : frontDecode(packed)
  if (policies === undefined || rows === undefined || patterns === undefined) return undefined
  const kinds = array(root['kinds'], (value) => decodeKind(value, policies))
  const owners = unfoldRuns(array(root['owners'], runPart), limits.routes)
  const places = rows === '' ? [] : rows.split(' ')
  if (kinds === undefined || owners === undefined || places.length > limits.routes) return undefined
  if (places.length !== patterns.length || places.length !== owners.length) return undefined
  const routes: RouteFacts[] = []
  for (let at = 0; at < patterns.length; at++) {
    const kind = kinds[Number(places[at])]
    const pattern = patterns[at] as string
    const service = owners[at] as string
    if (kind === undefined || !isPattern(pattern)) return undefined
    const { unit = service, host, methods, policy } = kind
    // One literal and no spread: at a start this runs for each route, with cold code.
    routes.push({
      id: `${service}:${kind.idMiddle}${pattern}`,
      service,
      unit,
      pattern,
      policy,
      ...(host === undefined ? undefined : { host }),
      ...(methods === undefined ? undefined : { methods }),
    })
  }
  return routes
}

interface Kind {
  readonly unit: string | undefined
  readonly host: string | undefined
  readonly methods: readonly string[] | undefined
  readonly policy: RouteFacts['policy']
  readonly idMiddle: string
}

function decodeKind(value: unknown, policies: readonly RouteFacts['policy'][]): Kind | undefined {
  if (!Array.isArray(value) || value.length !== 4) return undefined
  const [unit, host, methods, place] = value as unknown[]
  const policy = typeof place === 'number' ? policies[place] : undefined
  const named = methods === 0 ? undefined : array(methods, text)
  if (policy === undefined || (methods !== 0 && named === undefined)) return undefined
  if ((unit !== 0 && typeof unit !== 'string') || (host !== 0 && typeof host !== 'string')) return undefined
  return {
    unit: unit === 0 ? undefined : unit,
    host: host === 0 ? undefined : host,
    methods: named,
    policy,
    idMiddle: `${named?.join(',') ?? '*'}:${host === 0 ? '' : host}`,
  }
}

/** Distinct values in order of first sight; equal by their JSON. */
class Interned {
  readonly values: unknown[] = []
  readonly #places = new Map<string, number>()

  place(value: unknown): number {
    const name = JSON.stringify(value)
    const known = this.#places.get(name)
    if (known !== undefined) return known
    this.#places.set(name, this.values.length)
    return this.values.push(value) - 1
  }
}
