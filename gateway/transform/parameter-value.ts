/** The little of a schema that says how a text becomes a value. */
interface Typed {
  readonly type?: string | readonly string[]
  readonly items?: unknown
}

/**
 * What the texts of one parameter mean by its schema: OpenAPI's styles `form` (exploded: a list repeats the name) for queries
 * and `simple` (a list has commas) for paths and headers. A text that is not of its type stays a text, and the schema then
 * says so. Undefined: a single value came several times, of which two readers would take different ones.
 */
export function parameterValue(texts: readonly string[], schema: object, style: 'form' | 'simple'): unknown {
  const types = typesOf(schema)
  if (types.includes('array')) {
    const items = style === 'form' ? texts : texts.flatMap((text) => (text === '' ? [] : text.split(',')))
    const item = (schema as Typed).items
    const itemTypes = typeof item === 'object' && item !== null ? typesOf(item) : []
    return items.map((text) => scalar(style === 'form' ? text : text.trim(), itemTypes))
  }
  return texts.length === 1 ? scalar(texts[0] as string, types) : undefined
}

function typesOf(schema: object): readonly string[] {
  const { type } = schema as Typed
  return type === undefined ? [] : typeof type === 'string' ? [type] : type
}

function scalar(text: string, types: readonly string[]): unknown {
  for (const type of types) {
    if (type === 'integer' && /^-?(?:0|[1-9]\d{0,15})$/.test(text)) return Number(text)
    if (type === 'number' && text.length < 40 && /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/.test(text))
      return Number(text)
    if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  }
  return text
}

/** Decoded values of a query by name; undefined when a part is no UTF-8. Names without `=` have the value ''. */
export function queryValues(query: string): ReadonlyMap<string, readonly string[]> | undefined {
  const values = new Map<string, string[]>()
  for (const part of query.replace(/^\?/, '').split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decoded(equals < 0 ? part : part.slice(0, equals))
    const value = decoded(equals < 0 ? '' : part.slice(equals + 1))
    if (name === undefined || value === undefined) return undefined
    const known = values.get(name)
    if (known === undefined) values.set(name, [value])
    else known.push(value)
  }
  return values
}

function decoded(text: string): string | undefined {
  return percentDecoded(text.replaceAll('+', ' '))
}

/** Undefined for malformed escapes. */
export function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    // The function's only way to say no.
    return undefined
  }
}
