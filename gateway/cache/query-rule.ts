import type { CacheKeyPolicy } from '#routes/policy.ts'
import { byteText, percentDecoded } from './byte-text.ts'

/** What of a query tells two resources apart: `key.query` and `key.sort` of a route (K4). */
export interface QueryRule {
  /** `raw`: every byte counts, order and duplicates too; `parts`: parameters by name and value. */
  readonly kind: 'raw' | 'none' | 'parts'
  /** By their `twin`. */
  readonly only: ReadonlySet<string> | undefined
  readonly except: ReadonlySet<string> | undefined
  readonly sort: boolean
}

export interface QueryParameter {
  readonly name: string
  readonly value: string
}

export function queryRule({ query, ...key }: Pick<CacheKeyPolicy, 'query' | 'sort'>): QueryRule {
  const sort = key.sort === true
  const rule: QueryRule = { kind: 'parts', only: undefined, except: undefined, sort }
  if (query === undefined) return sort ? rule : { ...rule, kind: 'raw' }
  if (query === 'none') return { ...rule, kind: 'none' }
  return 'only' in query
    ? { ...rule, only: new Set(query.only.map((name) => twin(byteText(name)))) }
    : { ...rule, except: new Set(query.except.map(byteText)) }
}

/**
 * The query as the rule sees it; `query` is raw, from `?` on, empty without one. Two queries give one text only where the
 * rule calls them equal: each name and value goes in with its length.
 */
export function underRule(rule: QueryRule, query: string): string {
  if (rule.kind === 'raw') return query
  if (rule.kind === 'none') return ''
  let kept = queryParameters(query)
  const { only, except } = rule
  if (only !== undefined) kept = kept.filter((one) => only.has(twin(one.name)) || isSeveral(one))
  if (except !== undefined) kept = kept.filter((one) => !except.has(one.name) || isSeveral(one))
  // Stable: the values of one name keep their order, which a service may read as a list.
  if (rule.sort) kept.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  let text = ''
  for (const { name, value } of kept) text += `${name.length}:${name}=${value.length}:${value}&`
  return text
}

/** To some services `;` parts parameters as well: nothing is left out in which they find one that is not. */
const isSeveral = ({ name, value }: QueryParameter): boolean => name.includes(';') || value.includes(';')

/**
 * What some framework takes for the same name: in other letters (ASP.NET), as a list or with `.` for `_` (PHP). A request
 * that brings one must not be answered, nor its answer be stored, as if it had none.
 */
function twin(name: string): string {
  const end = name.search(/[[\0]/)
  return (end > 0 ? name.slice(0, end) : name).trimStart().toLowerCase().replace(/[ .]/g, '_')
}

/**
 * Name and value of each parameter, in order, duplicates too, decoded as forms are: parted at `&`, `+` is a space, `%XX` a
 * byte. Bytes and not characters: two values that are no UTF-8 stay two.
 */
export function queryParameters(query: string): QueryParameter[] {
  const found: QueryParameter[] = []
  for (const part of query.slice(1).split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = equals < 0 ? part : part.slice(0, equals)
    found.push({ name: formDecoded(name), value: equals < 0 ? '' : formDecoded(part.slice(equals + 1)) })
  }
  return found
}

function formDecoded(text: string): string {
  return percentDecoded(text.includes('+') ? text.replaceAll('+', ' ') : text)
}
