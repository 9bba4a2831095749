import { dependencyCycles } from './dependency-cycles.ts'
import { pointerTo } from './fault.ts'
import { type Form, isExpression, isMapping, keywords, plainForms, schemaLimits } from './json-schema-keywords.ts'
import { nameFix } from './nearest-name.ts'

/** What keeps a value from being a JSON Schema that a gateway compiles. */
export interface SchemaFault {
  /** JSON pointer inside the schema. */
  readonly pointer: string
  readonly on: 'key' | 'value'
  /** The key, or the value, that is wrong. */
  readonly value: unknown
  readonly expected: string
  readonly fix?: string
}

/**
 * The first fault of a JSON Schema (2020-12), or undefined. Only keywords whose meaning a gateway checks or passes over by
 * right are taken: a misspelt one would let through what its author meant to refuse. References stay inside the schema.
 */
export function schemaFault(schema: unknown): SchemaFault | undefined {
  /** Every schema in it, and which others judge the same value: by reference, or as one of several. */
  const judges = new Map<string, string[]>()
  const references: { readonly at: string; readonly target: string }[] = []
  return faultOfSchema(schema, '', 0) ?? firstFault(references.entries(), unresolved) ?? endless()

  function faultOfSchema(value: unknown, pointer: string, depth: number): SchemaFault | undefined {
    judges.set(pointer, [])
    if (typeof value === 'boolean' && depth > 0) return undefined
    if (!isMapping(value)) return wrong(pointer, value, 'expected a JSON Schema, a mapping')
    if (depth > schemaLimits.depth) return wrong(pointer, value, `nested deeper than ${schemaLimits.depth}`, flatter)
    if (judges.size > schemaLimits.schemas) {
      return wrong(pointer, value, `more than ${schemaLimits.schemas} schemas`, flatter)
    }
    for (const [keyword, argument] of Object.entries(value)) {
      const at = pointerTo(pointer, keyword)
      const form = Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined
      if (form === undefined) {
        const told = { value: keyword, expected: 'no keyword of JSON Schema 2020-12 that is served here' }
        return { pointer: at, on: 'key', ...told, ...nameFix(keyword, Object.keys(keywords)) }
      }
      const below = (item: unknown, place: string) => {
        if (ofSameValue.has(keyword)) judges.get(pointer)?.push(place)
        return faultOfSchema(item, place, depth + 1)
      }
      const fault = faultOfArgument(form, argument, at, below)
      if (fault !== undefined) return fault
    }
    return undefined
  }

  function faultOfArgument(form: Form, argument: unknown, at: string, below: Below): SchemaFault | undefined {
    switch (form) {
      case 'schema':
        return below(argument, at)
      case 'schemas':
        if (!Array.isArray(argument) || argument.length === 0) return wrong(at, argument, 'expected a list of schemas')
        return firstFault(argument.entries(), (item, key) => below(item, pointerTo(at, key)))
      case 'named schemas':
      case 'schemas by pattern':
        if (!isMapping(argument)) return wrong(at, argument, 'expected a mapping of schemas')
        return firstFault(Object.entries(argument), (item, key) =>
          form === 'schemas by pattern' && !isExpression(key)
            ? { ...wrong(pointerTo(at, key), key, plainForms.expression[1]), on: 'key' as const }
            : below(item, pointerTo(at, key)),
        )
      case 'reference':
        if (typeof argument !== 'string') return wrong(at, argument, 'expected a text')
        references.push({ at, target: argument.slice(1) })
        judges.get(at.slice(0, at.lastIndexOf('/')))?.push(argument.slice(1))
        return argument.startsWith('#') ? undefined : wrong(at, argument, 'points at another document', localReference)
      default: {
        const [accepts, expected] = plainForms[form]
        return accepts(argument) ? undefined : wrong(at, argument, expected)
      }
    }
  }

  function unresolved({ at, target }: { at: string; target: string }): SchemaFault | undefined {
    if (judges.has(target)) return undefined
    return wrong(at, `#${target}`, 'points at nothing that is a schema here', localReference)
  }

  /** A schema that asks itself about the same value never answers. */
  function endless(): SchemaFault | undefined {
    const [cycle] = dependencyCycles(judges)
    const reference = references.find(
      ({ at, target }) => cycle?.includes(at.slice(0, at.lastIndexOf('/'))) === true && cycle.includes(target),
    )
    if (reference === undefined) return undefined
    const fix = 'refer to it below "properties" or "items"'
    return wrong(reference.at, `#${reference.target}`, 'leads back to itself without looking at any part', fix)
  }
}

const flatter = 'leave the details to the service'
const localReference = 'a reference is "#/$defs/NAME"'

type Below = (item: unknown, pointer: string) => SchemaFault | undefined

/** Keywords whose schemas judge the value itself rather than a part of it. */
const ofSameValue: ReadonlySet<string> = new Set([
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'dependentSchemas',
])

/** The schema, if it has no fault. */
export function readSchema(value: unknown): object | undefined {
  return schemaFault(value) === undefined ? (value as object) : undefined
}

function firstFault<Key extends string | number, Item>(
  entries: Iterable<readonly [Key, Item]>,
  faultOf: (item: Item, key: Key) => SchemaFault | undefined,
): SchemaFault | undefined {
  for (const [key, item] of entries) {
    const fault = faultOf(item, key)
    if (fault !== undefined) return fault
  }
  return undefined
}

function wrong(pointer: string, value: unknown, expected: string, fix?: string): SchemaFault {
  return { pointer, on: 'value', value, expected, ...(fix === undefined ? {} : { fix }) }
}
