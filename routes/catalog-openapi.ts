import { parametersOf } from './catalog-names.ts'
import type { OpenApiDocuments, OpenApiOperations } from './catalog-openapi-documents.ts'
import { nameOf, type Operation, routeNames, standsAt } from './catalog-openapi-operations.ts'
import type { OperationRequest } from './catalog-openapi-request.ts'
import { listed } from './fault.ts'
import type { Findings } from './findings.ts'
import { nameFix } from './nearest-name.ts'
import type { Pattern } from './pattern.ts'
import type { ValidatePolicy } from './policy.ts'
import { printSize } from './quantity.ts'
import type { RouteDocument } from './route-schema.ts'

/** Larger ones would be most of the table that every gateway and edge holds. */
const mostPolicyChars = 64 * 1024

/**
 * What a route asks of its requests by an operation of an OpenAPI document: the one that it names, or the only one at its path
 * for its method. Undefined where that is nothing, which is told. `pattern` is undefined where the path has a fault.
 */
export function readOpenApiValidate(
  route: RouteDocument,
  pattern: Pattern | undefined,
  routePointer: string,
  findings: Findings,
  documents: OpenApiDocuments,
): ValidatePolicy | undefined {
  const { openapi = '', operation: id, mode } = route.validate ?? {}
  const pointer = `${routePointer}/validate`
  const document = readDocument()
  const operation = document && (id === undefined ? operationHere(document) : operationNamed(document, id))
  if (document === undefined || operation === undefined || pattern === undefined) return undefined
  checkMethods(operation)
  const policy = renamed(document.requestOf(operation), operation, pattern)
  if (Object.keys(policy).length === 0) {
    const expected = `${nameOf(operation)} asks for nothing that is checked`
    findings.warn(`${pointer}/openapi`, 'openapi', expected, 'take "validate" out')
    return undefined
  }
  const size = JSON.stringify(policy).length
  if (size > mostPolicyChars) {
    const expected = `${nameOf(operation)} needs ${size} characters of schemas, above ${printSize(mostPolicyChars)}`
    findings.fault(`${pointer}/openapi`, openapi, expected, { fix: 'write "validate.body" by hand, with what matters' })
  }
  return { ...policy, ...(mode === undefined ? {} : { mode }) }

  function readDocument(): OpenApiOperations | undefined {
    if (documents.has(openapi)) return documents.get(openapi)
    const none = { fix: 'add it to the catalog; its name ends in .openapi.yaml or .openapi.json' }
    const fix = documents.names.length === 0 ? none : nameFix(openapi, documents.names)
    findings.fault(`${pointer}/openapi`, openapi, 'the catalog has no OpenAPI document of this path', fix)
    return undefined
  }

  function operationNamed({ operations }: OpenApiOperations, name: string): Operation | undefined {
    const [found, ...others] = operations.filter((each) => each.id === name)
    const names = operations.flatMap((each) => each.id ?? [])
    if (found === undefined)
      findings.fault(`${pointer}/operation`, name, `${openapi} has no operation of this id`, nameFix(name, names))
    else if (others.length > 0) {
      const expected = `${openapi} has ${others.length + 1} operations of this id`
      findings.fault(`${pointer}/operation`, name, expected, { fix: 'give each an id of its own' })
    }
    return found
  }

  function operationHere({ operations }: OpenApiOperations): Operation | undefined {
    if (pattern === undefined) return undefined
    const here = operations.filter((each) => standsAt(each, pattern) && takes(each.method))
    const [found, ...others] = here
    if (found !== undefined && others.length === 0) return found
    const wanted = `${route.methods === undefined ? '' : `${listed(route.methods)} `}${pattern.text}`
    const expected =
      found === undefined ? `describes no ${wanted}` : `describes ${listed(here.map(nameOf), 'and')} for ${wanted}`
    const fix = found === undefined ? 'name one of its operations: "operation: ID"' : 'give each method a route'
    findings.fault(`${pointer}/openapi`, openapi, expected, { fix })
    return undefined
  }

  /** What another method asks for is not what this operation says, and would be refused. */
  function checkMethods({ method, ...operation }: Operation): void {
    const others = route.methods?.filter((each) => each !== method && !(each === 'HEAD' && method === 'GET'))
    if (takes(method) && others?.length === 0) return
    const taken = others === undefined ? 'any method' : listed(others, 'and')
    const expected = `${nameOf({ method, ...operation })} describes ${method}, and the route takes ${taken}`
    const fix = takes(method)
      ? `write "methods: [${method}]", with another route for the rest`
      : 'name another operation'
    const key = id === undefined ? 'openapi' : 'operation'
    findings.fault(`${pointer}/${key}`, id ?? openapi, expected, { fix })
  }

  function takes(method: string): boolean {
    return route.methods === undefined || route.methods.includes(method)
  }

  /** The parameters of the path as the route calls them. */
  function renamed(request: OperationRequest, operation: Operation, to: Pattern): OperationRequest {
    const { path, ...others } = request
    if (path === undefined) return others
    const names = routeNames(operation, to)
    const rules = Object.entries(path).flatMap(([name, rule]) => {
      const own = names.get(name)
      if (own !== undefined && parametersOf(to).includes(own)) return [[own, rule] as const]
      const expected = `${to.text} has nothing for "${name}" of ${nameOf(operation)}, so it is not checked`
      findings.warn(`${pointer}/openapi`, 'openapi', expected, 'write the path as the document has it')
      return []
    })
    return rules.length === 0 ? others : { ...others, path: Object.fromEntries(rules) }
  }
}
