import { type Decision, hostName } from './decide.ts'
import type { RequestFacts } from './request-facts.ts'
import type { Structure } from './structure.ts'
import type { Table } from './table.ts'

/** Why no route took a request. */
export type Unmatched =
  /** The table names its hosts, and this is none of them. */
  | { readonly kind: 'host-unknown' }
  /** There are routes at this path for these methods, sorted. */
  | { readonly kind: 'method-unknown'; readonly allow: readonly string[] }
  | { readonly kind: 'route-unknown' }

/** Asked only when nothing matched: it looks the path up once for each method that any route names. */
export function whyUnmatched(table: Table, facts: RequestFacts, decision: Decision): Unmatched {
  const allow = allowedMethods(table, facts, decision)
  if (allow.length > 0) return { kind: 'method-unknown', allow }
  const { hosts } = table.structure.value
  const known = hosts.length === 0 || decision.host !== undefined || namesOf(table.structure.value).anyHost
  return { kind: known ? 'route-unknown' : 'host-unknown' }
}

/** HEAD comes with GET, and OPTIONS is what asks for these. */
function allowedMethods(
  { structure, index }: Table,
  facts: RequestFacts,
  { host, target }: Decision,
): readonly string[] {
  const name = host?.name ?? hostName(facts.host)
  const found = namesOf(structure.value).methods.filter(
    (method) => index.trie.match(name, target.key, method, facts) >= 0,
  )
  return found.length === 0 ? found : [...new Set([...found, 'OPTIONS'])].sort()
}

interface Names {
  /** Of all routes, and HEAD. */
  readonly methods: readonly string[]
  /** Whether some route takes any host. */
  readonly anyHost: boolean
}

const names = new WeakMap<Structure, Names>()

/** Gathered once a structure: whoever sends what nobody serves must not have every route walked each time. */
function namesOf(structure: Structure): Names {
  const known = names.get(structure)
  if (known !== undefined) return known
  const { routes } = structure
  const gathered = {
    methods: [...new Set(['HEAD', ...routes.flatMap(({ methods = [] }) => methods)])],
    anyHost: routes.some(({ host }) => host === undefined),
  }
  names.set(structure, gathered)
  return gathered
}
