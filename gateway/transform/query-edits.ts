import type { RewritePolicy } from '#routes/policy.ts'
import { queryText, type ValueOf } from './rewrite-values.ts'
import { compileTemplate, fillTemplate, type Template } from './template.ts'

export interface CompiledQueryEdits {
  readonly gone: ReadonlySet<string>
  readonly set: readonly { readonly name: string; readonly value: Template }[]
}

export function compileQueryEdits(edits: RewritePolicy['query']): CompiledQueryEdits | undefined {
  if (edits === undefined) return undefined
  const set = Object.entries(edits.set ?? {}).map(([name, value]) => {
    const parts = compileTemplate(value).map((part) => (typeof part === 'string' ? encodeURIComponent(part) : part))
    return { name: encodeURIComponent(name), value: parts }
  })
  return { gone: new Set([...Object.keys(edits.set ?? {}), ...(edits.remove ?? [])]), set }
}

/**
 * The query, with its `?` or '' when nothing is left. Parameters that stay do so byte for byte and in order; those that are
 * set come last. A missing value leaves its parameter out.
 */
export function editQuery(query: string, { gone, set }: CompiledQueryEdits, valueFor: ValueOf): string {
  const kept =
    query === ''
      ? []
      : query
          .slice(1)
          .split('&')
          .filter((part) => !gone.has(nameOf(part)))
  for (const { name, value } of set) {
    const text = fillTemplate(value, (place) => {
      const found = valueFor(place)
      return found === undefined ? undefined : queryText(place, found)
    })
    if (text !== undefined) kept.push(`${name}=${text}`)
  }
  return kept.length === 0 ? '' : `?${kept.join('&')}`
}

/** As services read it: decoded, `+` a space. What cannot be decoded is compared as it stands. */
function nameOf(part: string): string {
  const equals = part.indexOf('=')
  const name = (equals < 0 ? part : part.slice(0, equals)).replaceAll('+', ' ')
  try {
    return decodeURIComponent(name)
  } catch {
    // Not UTF-8: no name that a catalog could have written.
    return name
  }
}
