import type { Condition } from './condition.ts'
import { readConditions } from './condition-parts.ts'
import { frontDecode } from './front-code.ts'
import type { Reader } from './object-of.ts'
import { isPattern } from './pattern.ts'
import type { EdgePolicy } from './policy.ts'
import { runPart, unfoldRuns } from './runs.ts'
import { array, count, document, flag, optional, text } from './shape.ts'
import { decodeHost, decodeSite } from './site-parts.ts'
import { conditionsMark, type EdgeService, type RouteFacts, type Structure } from './structure.ts'
import { limits } from './table.ts'

/**
 * A decoder that reads as much of each policy and service as its program needs. It gives undefined for any text that
 * `encodeStructure` would not have written, and is bounded before it allocates by count.
 */
export function structureDecoder<P extends EdgePolicy, S extends EdgeService>(
  readPolicy: Reader<P>,
  readService: Reader<S>,
): (body: string) => Structure<P, S> | undefined {
  return (body) => decode(body, readPolicy, readService)
}

function decode<P extends EdgePolicy, S extends EdgeService>(
  body: string,
  readPolicy: Reader<P>,
  readService: Reader<S>,
): Structure<P, S> | undefined {
  const root = document(body)
  if (root?.['v'] !== 1 || root['kind'] !== 'structure') return undefined
  const number = count(root['number'])
  const mayShrink = flag(root['mayShrink'])
  const defaultSite = text(root['defaultSite'])
  const sites = array(root['sites'], decodeSite)
  const hosts = array(root['hosts'], decodeHost)
  const services = array(root['services'], readService)
  if (number === undefined || mayShrink === undefined || defaultSite === undefined) return undefined
  if (sites === undefined || hosts === undefined || services === undefined) return undefined
  const routes = decodeRoutes(root, readPolicy)
  if (routes === undefined || !sites.some(({ name }) => name === defaultSite)) return undefined
  return { number, mayShrink, defaultSite, sites, hosts, services, routes }
}

function decodeRoutes<P extends EdgePolicy>(
  root: Readonly<Record<string, unknown>>,
  readPolicy: Reader<P>,
): readonly RouteFacts<P>[] | undefined {
  const policies = array(root['policies'], readPolicy)
  const rows = text(root['rows'])
  const packed = text(root['patterns'])
  const patterns = packed === undefined ? undefined : frontDecode(packed)
  if (policies === undefined || rows === undefined || patterns === undefined) return undefined
  const kinds = array(root['kinds'], (value) => decodeKind(value, policies))
  const owners = unfoldRuns(array(root['owners'], runPart), limits.routes)
  const places = rows === '' ? [] : rows.split(' ')
  if (kinds === undefined || owners === undefined || places.length > limits.routes) return undefined
  if (places.length !== patterns.length || places.length !== owners.length) return undefined
  const routes: RouteFacts<P>[] = []
  for (let at = 0; at < patterns.length; at++) {
    const kind = kinds[Number(places[at])]
    const pattern = patterns[at] as string
    const service = owners[at] as string
    if (kind === undefined || !isPattern(pattern)) return undefined
    const { unit = service, host, methods, when, policy } = kind
    // One literal and no spread: at a start this runs for each route, with cold code.
    routes.push({
      id: `${service}:${kind.idMiddle}${pattern}${kind.idEnd}`,
      service,
      unit,
      pattern,
      policy,
      ...(host === undefined ? undefined : { host }),
      ...(methods === undefined ? undefined : { methods }),
      ...(when === undefined ? undefined : { when }),
    })
  }
  return routes
}

interface Kind<P> {
  readonly unit: string | undefined
  readonly host: string | undefined
  readonly methods: readonly string[] | undefined
  readonly when: readonly Condition[] | undefined
  readonly policy: P
  readonly idMiddle: string
  readonly idEnd: string
}

function decodeKind<P>(value: unknown, policies: readonly P[]): Kind<P> | undefined {
  if (!Array.isArray(value) || value.length < 4 || value.length > 5) return undefined
  const [unit, host, methods, place, conditions] = value as unknown[]
  const when = optional(conditions, readConditions)
  const policy = typeof place === 'number' ? policies[place] : undefined
  const named = methods === 0 ? undefined : array(methods, text)
  if (policy === undefined || when === null || (methods !== 0 && named === undefined)) return undefined
  if ((unit !== 0 && typeof unit !== 'string') || (host !== 0 && typeof host !== 'string')) return undefined
  return {
    unit: unit === 0 ? undefined : unit,
    host: host === 0 ? undefined : host,
    methods: named,
    when,
    policy,
    idMiddle: `${named?.join(',') ?? '*'}:${host === 0 ? '' : host}`,
    idEnd: conditionsMark(when),
  }
}
