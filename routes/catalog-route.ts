import { readAnswers } from './catalog-answers.ts'
import { checkTags } from './catalog-cache.ts'
import { readConditions } from './catalog-conditions.ts'
import { parametersOf } from './catalog-names.ts'
import type { OpenApiDocuments } from './catalog-openapi-documents.ts'
import { readCallPolicy } from './catalog-policy.ts'
import { readTransforms } from './catalog-transforms.ts'
import type { Condition } from './condition.ts'
import { asClause, type Place } from './fault.ts'
import type { Findings } from './findings.ts'
import { nameFix } from './nearest-name.ts'
import type { Pattern } from './pattern.ts'
import { parsePattern } from './pattern-fault.ts'
import type { RoutePolicy } from './policy.ts'
import type { RouteDocument } from './route-schema.ts'
import type { HostFacts } from './structure.ts'
import type { ServiceId, UnitId } from './vocabulary.ts'

export interface CatalogRoute {
  readonly unit: UnitId
  readonly host?: string
  readonly pattern: Pattern
  /** Sorted, each once; undefined = any. */
  readonly methods?: readonly string[]
  /** Sorted by where they look, each source once; undefined = none. */
  readonly when?: readonly Condition[]
  readonly policy: RoutePolicy
  /** Of the path. */
  readonly place: Place
  readonly pointer: string
}

/** Where a route stands: `hosts` are those that it may name, undefined where their document has faults of its own. */
export interface RouteContext {
  readonly service: ServiceId
  readonly hosts: readonly HostFacts[] | undefined
  readonly openapi: OpenApiDocuments
  readonly pointer: string
  readonly findings: Findings
}

/** A route as the table has it, or undefined if its path is no pattern; all else that is wrong is told as well. */
export function readRoute(route: RouteDocument, context: RouteContext): CatalogRoute | undefined {
  const { service, hosts, pointer, findings } = context
  const { host, methods, unit } = route
  if (host !== undefined) checkHost(host)
  const pattern = readPath()
  const when = route.when === undefined ? [] : readConditions(route.when, `${pointer}/when`, findings)
  const policy = readRoutePolicy(route, pattern, context)
  if (pattern === undefined) return undefined
  return {
    unit: unit === undefined ? service : `${service}.${unit}`,
    ...(host === undefined ? {} : { host }),
    pattern,
    ...(methods === undefined ? {} : { methods: [...new Set(methods)].sort() }),
    ...(when.length === 0 ? {} : { when }),
    policy,
    place: findings.at(`${pointer}/path`),
    pointer: `${pointer}/path`,
  }

  function checkHost(name: string): void {
    const at = `${pointer}/host`
    if (hosts === undefined || hosts.some((each) => each.name === name)) return
    const named = hosts.find(({ aliases }) => aliases.includes(name))
    if (named !== undefined) findings.fault(at, name, `an alias of ${named.name}`, { fix: `write "${named.name}"` })
    else
      findings.fault(
        at,
        name,
        'sites.yaml declares no such host',
        nameFix(
          name,
          hosts.map((each) => each.name),
        ),
      )
  }

  function readPath(): Pattern | undefined {
    const parsed = parsePattern(route.path)
    if (parsed.ok) return parsed.pattern
    const { at: offset, meaning, fix } = parsed.fault
    const expected = `${asClause(meaning)}${offset === 0 ? '' : ` (character ${offset + 1})`}`
    findings.fault(`${pointer}/path`, route.path, expected, { fix: asClause(fix) })
    return undefined
  }
}

function readRoutePolicy(
  route: RouteDocument,
  pattern: Pattern | undefined,
  { pointer, findings, openapi }: RouteContext,
): RoutePolicy {
  const { trailingSlash, accepts, stream, upgrade, earlyHints, bodyWithoutMeaning } = route
  // It is opened by a GET, and what comes through it then may write: the owner has it, unless the route says that it reads.
  const effect = route.effect ?? (upgrade === undefined ? undefined : 'write')
  const call = readCallPolicy(route, pointer, findings)
  if (pattern !== undefined) checkTags(route, parametersOf(pattern), pointer, findings)
  return {
    ...(effect === undefined ? {} : { effect }),
    ...(trailingSlash === undefined ? {} : { trailingSlash }),
    ...(accepts === undefined ? {} : { accepts: [...new Set(accepts)].sort() }),
    ...call,
    ...(stream === undefined ? {} : { stream }),
    ...(upgrade === undefined ? {} : { upgrade }),
    ...(earlyHints === undefined ? {} : { earlyHints }),
    ...(bodyWithoutMeaning === undefined ? {} : { bodyWithoutMeaning }),
    ...readTransforms(route, pattern, pointer, findings),
    ...readAnswers(route, pattern, pointer, findings, openapi),
  }
}
