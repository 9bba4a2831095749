import { isMapping } from './json-schema-keywords.ts'

type Mapping = Readonly<Record<string, unknown>>

export interface TextSchema {
  readonly schema: object
  readonly isList: boolean
}

/**
 * The schema of a value that comes as text, with the types at its top that say how the text is read; it accepts the same
 * values as before. Undefined where one text could be read in several ways (a number or a text) or in none (a mapping).
 */
export function textSchema(schema: object): TextSchema | undefined {
  const root = schema as Mapping
  const types = typesOf(root, root, 0)
  const kind = kindOf(types)
  if (kind === undefined) return undefined
  if (kind !== 'array') {
    return { schema: types === undefined ? root : { ...root, type: oneOrMore(types) }, isList: false }
  }
  const items = itemsOf(root, root, 0)
  const itemTypes = typesOf(items, root, 0)
  const itemKind = kindOf(itemTypes)
  if (itemKind === undefined || itemKind === 'array') return undefined
  const typed = itemTypes === undefined ? {} : { type: oneOrMore(itemTypes) }
  const own = root['items']
  const list = { ...root, type: oneOrMore(types as string[]), items: isMapping(own) ? { ...own, ...typed } : typed }
  return { schema: list, isList: true }
}

/** What a text is read as; `null` is what no text is. */
function kindOf(types: readonly string[] | undefined): 'text' | 'number' | 'boolean' | 'array' | undefined {
  const kinds = new Set((types ?? ['string']).filter((type) => type !== 'null').map((type) => kindOfType[type]))
  const [kind] = kinds
  return kinds.size === 1 ? kind : undefined
}

const kindOfType: Readonly<Record<string, 'text' | 'number' | 'boolean' | 'array'>> = {
  string: 'text',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  array: 'array',
}

/** The types that a schema admits, as far as its words say so; undefined where they do not. */
function typesOf(schema: unknown, root: Mapping, depth: number): readonly string[] | undefined {
  if (!isMapping(schema) || depth > mostSteps) return undefined
  const { type, enum: values, allOf } = schema
  if (typeof type === 'string') return [type]
  if (Array.isArray(type)) return type as string[]
  if (Object.hasOwn(schema, 'const')) return [typeOf(schema['const'])]
  if (Array.isArray(values)) return [...new Set(values.map(typeOf))]
  for (const part of [referredOf(schema, root), ...(Array.isArray(allOf) ? allOf : [])]) {
    const types = typesOf(part, root, depth + 1)
    if (types !== undefined) return types
  }
  for (const cases of [schema['anyOf'], schema['oneOf']]) {
    if (!Array.isArray(cases)) continue
    const types = cases.map((each) => typesOf(each, root, depth + 1))
    if (!types.includes(undefined)) return [...new Set(types.flatMap((each) => each ?? []))]
  }
  return undefined
}

/** The schema of a list's items, behind references too. */
function itemsOf(schema: unknown, root: Mapping, depth: number): unknown {
  if (!isMapping(schema) || depth > mostSteps) return undefined
  const { items, allOf } = schema
  if (items !== undefined) return items
  for (const part of [referredOf(schema, root), ...(Array.isArray(allOf) ? allOf : [])]) {
    const found = itemsOf(part, root, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** References and joined schemas that are walked; a chain that is longer says nothing. */
const mostSteps = 8

function referredOf({ $ref }: Mapping, { $defs }: Mapping): unknown {
  const name = typeof $ref === 'string' && $ref.startsWith('#/$defs/') ? $ref.slice('#/$defs/'.length) : undefined
  return name !== undefined && isMapping($defs) && Object.hasOwn($defs, name) ? $defs[name] : undefined
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value
}

function oneOrMore(types: readonly string[]): unknown {
  return types.length === 1 ? types[0] : types
}
