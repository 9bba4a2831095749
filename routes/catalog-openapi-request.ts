import type { OpenApiDocument } from './catalog-openapi-document.ts'
import { nameOf, type Operation } from './catalog-openapi-operations.ts'
import { readParameters } from './catalog-openapi-parameters.ts'
import { childOf, followed, type OpenApiNode } from './catalog-openapi-references.ts'
import { readOpenApiSchema } from './catalog-openapi-schema.ts'
import { listed } from './fault.ts'
import { isMapping } from './json-schema-keywords.ts'
import type { ValidatePolicy } from './policy.ts'

/** What an operation asks of a request; parameters of the path under the operation's names. */
export type OperationRequest = Omit<ValidatePolicy, 'mode'>

/** What of an operation a gateway can check; the rest is told: as a warning if it is passed over, as a fault if it cannot be. */
export function readRequest(document: OpenApiDocument, operation: Operation): OperationRequest {
  return { ...readBody(document, operation), ...readParameters(document, operation) }
}

function readBody(document: OpenApiDocument, operation: Operation): Pick<ValidatePolicy, 'body' | 'bodyRequired'> {
  const { findings } = document
  const given = childOf(operation.node, 'requestBody')
  const node = given.value === undefined ? undefined : followed(document, given)
  if (node === undefined) return {}
  if (!isMapping(node.value)) {
    findings.fault(node.pointer, node.value, 'expected a request body, a mapping', { fix: 'write its "content"' })
    return {}
  }
  const body = readJson()
  return { ...(body === undefined ? {} : { body }), ...(node.value['required'] === true ? { bodyRequired: true } : {}) }

  function readJson(): object | undefined {
    const content = childOf(node as OpenApiNode, 'content')
    const types = isMapping(content.value) ? Object.keys(content.value) : []
    const others = types.filter((type) => !jsonType.test(type))
    if (types.length === 0 || others.length > 0) {
      // A body that is checked must be JSON: others of the operation would be refused.
      const expected = `may be ${listed(others.length === 0 ? ['anything'] : others)}, so the body of ${nameOf(operation)} is not checked`
      const fix =
        types.length === others.length ? 'describe it as application/json' : 'give the others an operation of their own'
      findings.warn(
        content.value === undefined ? (node as OpenApiNode).pointer : content.pointer,
        'content',
        expected,
        fix,
      )
      return undefined
    }
    const schemas = types.map((type) => {
      const schema = childOf(childOf(content, type), 'schema')
      return schema.value === undefined ? {} : readOpenApiSchema(document, schema)
    })
    if (new Set(schemas.map((schema) => JSON.stringify(schema))).size > 1) {
      const expected = `${listed(types, 'and')} differ, so the body of ${nameOf(operation)} is not checked`
      findings.warn(content.pointer, 'content', expected, 'give one of them an operation of its own')
      return undefined
    }
    return schemas[0]
  }
}

/** `application/json` or any `+json`, with or without parameters. */
const jsonType = /^\s*application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;.*)?$/i
