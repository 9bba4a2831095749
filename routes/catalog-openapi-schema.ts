import type { OpenApiDocument } from './catalog-openapi-document.ts'
import { childOf, type OpenApiNode, targetIn, targetOf } from './catalog-openapi-references.ts'
import { pointerTo } from './fault.ts'
import { schemaFault } from './json-schema.ts'
import { isMapping, keywords, plainForms, schemaLimits } from './json-schema-keywords.ts'

type Mapping = Readonly<Record<string, unknown>>

/**
 * A schema of an OpenAPI document as JSON Schema 2020-12, with the components that it uses, and no others, as `$defs`; they
 * may refer to one another in circles. What says nothing of validity is left out, and so is the duty to send what only answers
 * have (`readOnly`). Undefined for what no gateway checks, which is told: to pass over a part of it would refuse what it
 * allows, or the other way round, below a `not`.
 */
export function readOpenApiSchema(document: OpenApiDocument, start: OpenApiNode): object | undefined {
  const { version, findings } = document
  /** Names of components in `$defs`, by where they stand, and the other way round. */
  const names = new Map<string, string>()
  const sources = new Map<string, string>()
  const used: OpenApiNode[] = []
  const definitions: [string, unknown][] = []
  let sound = true
  let count = 0

  const root = schemaOf(start, 0, new Set())
  // It grows while it is walked.
  for (const node of used) {
    definitions.push([names.get(node.pointer) as string, schemaOf(node, 0, new Set())])
  }
  const schema = root === true ? {} : root === false ? { not: {} } : root
  const whole = definitions.length > 0 && isMapping(schema) ? { ...schema, $defs: sorted(definitions) } : schema
  return sound && isSound(whole) ? whole : undefined

  function schemaOf(node: OpenApiNode, depth: number, unasked: ReadonlySet<string>): unknown {
    const { value, pointer } = node
    // Beyond the depth nothing is translated, since it is refused as too deep.
    if (!isMapping(value) || depth > schemaLimits.depth || isTooMany()) return value
    const exempt = new Set([...unasked, ...answerOnly(node, new Set())])
    const alone = version === '3.0' && value['$ref'] !== undefined
    const entries = alone
      ? [['$ref', value['$ref']] as const]
      : Object.entries(version === '3.0' ? modern(value) : value)
    return Object.fromEntries(
      entries.flatMap(([keyword, argument]): [string, unknown][] => {
        if (saysNothing(keyword, argument)) return []
        if (keyword === '$ref') return referenceTo(argument, pointerTo(pointer, keyword))
        if (keyword === 'required' && Array.isArray(argument)) {
          const asked = argument.filter((name) => !exempt.has(name))
          return asked.length === 0 ? [] : [[keyword, asked]]
        }
        return [[keyword, argumentOf(keyword, childOf(node, keyword), argument, depth, exempt)]]
      }),
    )
  }

  /** Components that contain one another many times would be walked as many times. */
  function isTooMany(): boolean {
    if (++count <= schemaLimits.schemas) return false
    if (count === schemaLimits.schemas + 1) {
      const expected = `leads to more than ${schemaLimits.schemas} schemas`
      findings.fault(start.pointer, start.value, expected, { fix: 'leave the details to the service' })
    }
    sound = false
    return true
  }

  function argumentOf(
    keyword: string,
    at: OpenApiNode,
    plain: unknown,
    depth: number,
    exempt: ReadonlySet<string>,
  ): unknown {
    const below = (key: string | number) =>
      schemaOf(childOf(at, key), depth + 1, keyword === 'allOf' ? exempt : new Set())
    const { value } = at
    switch (Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined) {
      case 'schema':
        return schemaOf(at, depth + 1, new Set())
      case 'schemas':
        return Array.isArray(value) ? value.map((_, index) => below(index)) : value
      case 'named schemas':
      case 'schemas by pattern':
        return isMapping(value) ? Object.fromEntries(Object.keys(value).map((key) => [key, below(key)])) : value
      default:
        return plain
    }
  }

  function referenceTo(reference: unknown, pointer: string): [string, string][] {
    const target = targetOf(document, reference, pointer)
    if (target === undefined) {
      sound = false
      return []
    }
    return [['$ref', `#/$defs/${definitionName(target)}`]]
  }

  /** Of characters that need no escape in a pointer; two components of one name are told apart by a number. */
  function definitionName(target: OpenApiNode): string {
    const known = names.get(target.pointer)
    if (known !== undefined) return known
    const last = target.pointer.slice(target.pointer.lastIndexOf('/') + 1)
    const plain = last.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, longestName) || 'schema'
    let name = plain
    for (let count = 2; sources.has(name); count++) name = `${plain}-${count}`
    names.set(target.pointer, name)
    sources.set(name, target.pointer)
    used.push(target)
    return name
  }

  /** Members that only answers have, of this schema and of those that it joins by `allOf`. */
  function answerOnly(node: OpenApiNode, seen: Set<string>): string[] {
    if (seen.has(node.pointer) || seen.size > mostJoined) return []
    seen.add(node.pointer)
    const properties = childOf(node, 'properties')
    const own = isMapping(properties.value) ? Object.keys(properties.value) : []
    const allOf = childOf(node, 'allOf')
    const joined = Array.isArray(allOf.value) ? allOf.value : []
    return [
      ...own.filter((name) => resolved(childOf(properties, name)).some((each) => each['readOnly'] === true)),
      ...joined.flatMap((_, index) => {
        const part = childOf(allOf, index)
        const target = referred(part)
        return [...answerOnly(part, seen), ...(target === undefined ? [] : answerOnly(target, seen))]
      }),
    ]
  }

  /** The schema and, where it is a reference, what it leads to: in 3.1 either may say `readOnly`. */
  function resolved(node: OpenApiNode): Mapping[] {
    return [node.value, referred(node)?.value].filter(isMapping)
  }

  /** One that leads nowhere is told where it is translated. */
  function referred(node: OpenApiNode): OpenApiNode | undefined {
    return targetIn(document.root, childOf(node, '$ref').value)
  }

  function isSound(schema: unknown): schema is object {
    const fault = schemaFault(schema)
    if (fault === undefined) return true
    const { value, expected, fix } = fault
    const [inside, name] = /^\/\$defs\/([^/]*)/.exec(fault.pointer) ?? ['']
    const pointer = (sources.get(name ?? '') ?? start.pointer) + fault.pointer.slice(inside.length)
    const more = value === 'nullable' ? { fix: 'add "null" to its types' } : fix === undefined ? {} : { fix }
    if (fault.on === 'key') findings.faultOfKey(pointer, String(value), expected, more)
    else findings.fault(pointer, asWritten(value), expected, more)
    return false
  }

  /** A reference as the document has it. */
  function asWritten(value: unknown): unknown {
    const name = typeof value === 'string' && value.startsWith('#/$defs/') ? value.slice('#/$defs/'.length) : ''
    const source = sources.get(name)
    return source === undefined ? value : `#${source}`
  }
}

const longestName = 64

/** Schemas joined by `allOf` whose members are looked at. */
const mostJoined = 64

/** What OpenAPI 3.0 says otherwise (Schema Object): `nullable`, and limits that are or are not within the range. */
function modern({ nullable, ...schema }: Mapping): Mapping {
  const { type } = schema
  const types = nullable === true && typeof type === 'string' ? { type: [type, 'null'] } : {}
  const unknown = nullable === undefined || typeof nullable === 'boolean' ? {} : { nullable }
  return { ...limit(limit(schema, 'minimum', 'exclusiveMinimum'), 'maximum', 'exclusiveMaximum'), ...types, ...unknown }
}

function limit(schema: Mapping, inclusive: string, exclusive: string): Mapping {
  const { [inclusive]: bound, [exclusive]: excluded, ...others } = schema
  if (typeof excluded !== 'boolean') return schema
  if (bound === undefined) return others
  return { ...others, [excluded ? exclusive : inclusive]: bound }
}

/** Annotations; `$defs` are taken up where something refers to them. Unknown formats are such by the standard. */
function saysNothing(keyword: string, argument: unknown): boolean {
  if (keyword === 'format') return typeof argument === 'string' && !plainForms.format[0](argument)
  if (keyword === '$schema') return argument === 'https://spec.openapis.org/oas/3.1/dialect/base'
  return annotations.has(keyword) || keyword.startsWith('x-')
}

const annotations: ReadonlySet<string> = new Set([
  ...['title', 'description', 'default', 'example', 'examples', 'deprecated', 'readOnly', 'writeOnly', '$comment'],
  ...['externalDocs', 'xml', 'discriminator', 'contentMediaType', 'contentEncoding', 'contentSchema'],
  ...['$defs', 'definitions'],
])

function sorted(definitions: readonly (readonly [string, unknown])[]): Mapping {
  return Object.fromEntries(definitions.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
