import type { CachePolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import { readTemplate, type TemplatePart } from '#routes/template.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { ItemTags } from '../store/cache-store.ts'
import { rawCaptures } from '../transform/raw-captures.ts'
import { byteText, percentDecoded } from './byte-text.ts'
import { declaredLimit, tagLimitBytes } from './policy/content-tags.ts'
import type { Entry } from './policy/entry.ts'
import { queryParameters } from './query-rule.ts'
import {
  declaredTag,
  defaultPrefixDepth,
  groupTag,
  pathScopes,
  type ResourceRule,
  resourceHost,
  resourceRule,
  routeScope,
  uriTag,
} from './tag-names.ts'

/** What a stored item can have. */
const mostExact = 64

interface TagRules {
  readonly resource: ResourceRule
  readonly templates: readonly (readonly TemplatePart[])[]
  readonly depth: number
  readonly route: string
}

const compiled = new WeakMap<RouteFacts, TagRules>()

/** The tags of what a request asks for, as known from the request alone; undefined: more than can be kept. */
export function tagsOf(x: Exchange, route: RouteFacts, policy: CachePolicy): ItemTags | undefined {
  const rules = rulesOf(route, policy)
  const { key: path = '', query = '' } = x.decision?.target ?? {}
  const host = resourceHost(x.table, x.host)
  const exact = [uriTag(host, path, query, rules.resource)]
  if (rules.templates.length > 0) {
    const valuesOf = valueReader(x, route.pattern, path, query)
    for (const template of rules.templates) {
      const texts = filled(template, valuesOf)
      if (texts === undefined) return undefined
      for (const text of texts) {
        // No operator could name it.
        if (text.length > tagLimitBytes) return undefined
        add(exact, declaredTag(text))
      }
    }
    if (exact.length > declaredLimit + 1) return undefined
  }
  const scopes = pathScopes(host, path, rules.depth)
  scopes.push(rules.route)
  return { exact, scopes }
}

/** With those that the service gave the answer; undefined: more than can be kept, so it is not stored. */
export function withOwnTags(known: ItemTags, { tags }: Pick<Entry, 'tags'>, host: string): ItemTags | undefined {
  if (tags.length === 0) return known
  const exact = [...known.exact]
  for (const tag of tags) {
    if (tag.startsWith('g:')) {
      add(exact, groupTag(host, tag.slice(2)))
      add(exact, groupTag(undefined, tag.slice(2)))
    } else {
      add(exact, declaredTag(tag.slice(2)))
    }
  }
  return exact.length > mostExact ? undefined : { exact, scopes: known.scopes }
}

function rulesOf(route: RouteFacts, policy: CachePolicy): TagRules {
  let rules = compiled.get(route)
  if (rules === undefined) {
    rules = {
      resource: resourceRule(route),
      templates: policy.tags.map(partsOf),
      depth: policy.prefixDepth ?? defaultPrefixDepth,
      route: routeScope(route.id),
    }
    compiled.set(route, rules)
  }
  return rules
}

/** The compiler refuses such a template; a table of another release is all that could bring one. */
function partsOf(text: string): readonly TemplatePart[] {
  const parts = readTemplate(text)
  if ('stray' in parts) throw problems['policy-unusable']({ what: 'template', text })
  return parts.map((part) => (typeof part === 'string' ? byteText(part) : part))
}

/**
 * The texts of a template: one for each value of a query parameter that came several times, since nobody can tell which the
 * service took. A name without a value is empty, so that its answers can be purged too. Undefined: too many.
 */
function filled(
  template: readonly TemplatePart[],
  valuesOf: (name: string) => readonly string[],
): readonly string[] | undefined {
  let texts = ['']
  for (const part of template) {
    const values = typeof part === 'string' ? [part] : valuesOf(part.name)
    const [only] = values
    if (texts.length === 1 && values.length === 1) {
      texts = [`${texts[0]}${only}`]
      continue
    }
    if (texts.length * values.length > declaredLimit) return undefined
    texts = texts.flatMap((text) => values.map((value) => text + value))
  }
  return texts
}

/** Values as bytes, decoded: however a client wrote the path, its tag is the one that an operator names. */
function valueReader(x: Exchange, pattern: string, path: string, query: string): (name: string) => readonly string[] {
  const captured = rawCaptures(pattern, path)
  return (name) => {
    if (name === 'consumer') return [x.caller?.consumer ?? '']
    if (!name.startsWith('query.')) return [percentDecoded(captured[name] ?? '')]
    const wanted = byteText(name.slice('query.'.length))
    const values = new Set<string>()
    for (const { name: given, value } of queryParameters(query)) if (given === wanted) values.add(value)
    return values.size === 0 ? [''] : [...values]
  }
}

function add(tags: string[], tag: string): void {
  if (!tags.includes(tag)) tags.push(tag)
}
