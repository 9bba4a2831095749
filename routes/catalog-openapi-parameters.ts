import type { OpenApiDocument } from './catalog-openapi-document.ts'
import { nameOf, type Operation } from './catalog-openapi-operations.ts'
import { childOf, followed, type OpenApiNode } from './catalog-openapi-references.ts'
import { readOpenApiSchema } from './catalog-openapi-schema.ts'
import { isMapping } from './json-schema-keywords.ts'
import { textSchema } from './json-schema-of-text.ts'
import type { ParameterRule, ValidatePolicy } from './policy.ts'
import { headerText, parameterText } from './schema-texts.ts'

type Key = 'query' | 'path' | 'headers'

interface Place {
  readonly key: Key
  /** How values are written where nothing else is said (Parameter Object, `style`), and the only way that is read. */
  readonly style: string
  /** Form of the names. */
  readonly name: string
}

const places: Readonly<Record<string, Place>> = {
  query: { key: 'query', style: 'form', name: parameterText.pattern },
  path: { key: 'path', style: 'simple', name: parameterText.pattern },
  header: { key: 'headers', style: 'simple', name: headerText.pattern },
}

/** OpenAPI describes these elsewhere, and passes over parameters of these names. */
const describedElsewhere: readonly string[] = ['accept', 'content-type', 'authorization']

const mostParameters = 100

/** The parameters of an operation and of its path; one that a gateway cannot read is not checked, which is told. */
export function readParameters(
  document: OpenApiDocument,
  operation: Operation,
): Pick<ValidatePolicy, 'query' | 'path' | 'headers'> {
  const { findings } = document
  const rules: Record<Key, [string, ParameterRule][]> = { query: [], path: [], headers: [] }
  for (const node of parametersOf(document, operation)) {
    const name = String(childOf(node, 'name').value)
    const because = take(node, name, String(childOf(node, 'in').value))
    if (because === undefined) continue
    const expected = `${because}, so it is not checked for ${nameOf(operation)}`
    findings.warn(node.pointer, JSON.stringify(name), expected, 'leave it to the service')
  }
  const filled = Object.entries(rules).filter(([, entries]) => entries.length > 0)
  return Object.fromEntries(filled.map(([key, entries]) => [key, Object.fromEntries(entries)]))

  /** Why it is not checked, or undefined. */
  function take(node: OpenApiNode, name: string, where: string): string | undefined {
    const key = where === 'header' ? name.toLowerCase() : name
    if (where === 'header' && describedElsewhere.includes(key)) return undefined
    const place = Object.hasOwn(places, where) ? places[where] : undefined
    if (place === undefined) return where === 'cookie' ? 'is a cookie' : `is in ${JSON.stringify(where)}`
    const unread = unreadForm(node, place)
    if (unread !== undefined) return unread
    if (!new RegExp(place.name).test(key)) return 'has a name that no request has'
    const given = childOf(node, 'schema')
    const schema = given.value === undefined ? {} : readOpenApiSchema(document, given)
    // Its faults have been told.
    if (schema === undefined) return undefined
    const text = textSchema(schema)
    if (text === undefined) return 'is not of one type that a text can be read as'
    const joined = text.isList && where === 'query' && childOf(node, 'explode').value === false
    if (joined) return 'is a list that does not repeat its name'
    // A path without it is another path.
    const required = where !== 'path' && childOf(node, 'required').value === true
    rules[place.key].push([key, { schema: text.schema, ...(required ? { required } : {}) }])
    return undefined
  }
}

function unreadForm(node: OpenApiNode, { style: usual }: Place): string | undefined {
  const [style, content, emptyToo] = ['style', 'content', 'allowEmptyValue'].map((key) => childOf(node, key).value)
  if (style !== undefined && style !== usual) return `is written in the style ${JSON.stringify(style)}`
  if (content !== undefined) return 'is a document of its own'
  return emptyToo === true ? 'may be empty, whatever its schema says' : undefined
}

/** Those of the operation in place of those of its path (Path Item Object, `parameters`). */
function parametersOf(document: OpenApiDocument, { pathItem, node }: Operation): OpenApiNode[] {
  const { findings } = document
  const all = new Map<string, OpenApiNode>()
  for (const list of [childOf(pathItem, 'parameters'), childOf(node, 'parameters')]) {
    if (list.value === undefined) continue
    if (!Array.isArray(list.value) || list.value.length > mostParameters) {
      findings.fault(list.pointer, list.value, `expected a list of at most ${mostParameters} parameters`)
      continue
    }
    for (const index of list.value.keys()) {
      const parameter = followed(document, childOf(list, index))
      if (parameter === undefined) continue
      const [name, where] = ['name', 'in'].map((key) => childOf(parameter, key).value)
      if (isMapping(parameter.value) && typeof name === 'string' && typeof where === 'string')
        all.set(`${where} ${where === 'header' ? name.toLowerCase() : name}`, parameter)
      else findings.fault(parameter.pointer, parameter.value, 'expected a parameter, with "name" and "in"')
    }
  }
  return [...all.values()]
}
