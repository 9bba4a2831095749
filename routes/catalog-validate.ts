import { parametersOf } from './catalog-names.ts'
import { readOpenApiValidate } from './catalog-openapi.ts'
import type { OpenApiDocuments } from './catalog-openapi-documents.ts'
import { listed, pointerTo } from './fault.ts'
import type { Findings } from './findings.ts'
import { schemaFault } from './json-schema.ts'
import { nameFix } from './nearest-name.ts'
import type { Pattern } from './pattern.ts'
import type { ParameterRule, ValidatePolicy } from './policy.ts'
import { parseSize } from './quantity.ts'
import type { RouteDocument } from './route-schema.ts'

type ValidateDocument = NonNullable<RouteDocument['validate']>

/** What requests must be, by schemas in the route or by an OpenAPI document; `pointer` is that of the route. */
export function readValidate(
  route: RouteDocument,
  pattern: Pattern | undefined,
  pointer: string,
  findings: Findings,
  openapi: OpenApiDocuments,
): ValidatePolicy | undefined {
  const { validate } = route
  if (validate === undefined) return undefined
  checkKeys(validate, `${pointer}/validate`, findings)
  const policy =
    validate.openapi === undefined
      ? readSchemas(validate, pattern, `${pointer}/validate`, findings)
      : readOpenApiValidate(route, pattern, pointer, findings, openapi)
  if (policy?.body !== undefined) {
    checkBodySize(route, `${pointer}/validate/${validate.openapi === undefined ? 'body' : 'openapi'}`, findings)
  }
  return policy
}

/** One of the two ways: of what both say, a reader would have to know which goes first. */
function checkKeys(validate: ValidateDocument, pointer: string, findings: Findings): void {
  const { openapi, operation } = validate
  const own = (['body', 'bodyRequired', 'query', 'path', 'headers'] as const).filter(
    (key) => validate[key] !== undefined,
  )
  if (openapi !== undefined && own.length > 0) {
    const fix = `take "openapi" out, or ${listed(own, 'and')}`
    findings.faultOfKey(`${pointer}/openapi`, 'openapi', `says what ${listed(own, 'and')} would say`, { fix })
  }
  if (openapi === undefined && operation !== undefined) {
    const fix = 'name the document by "openapi"'
    findings.faultOfKey(`${pointer}/operation`, 'operation', 'an operation of no document', { fix })
  }
}

/** What is kept of a body to be checked. */
const mostCheckedBytes = 256 * 1024

function checkBodySize({ maxBody }: RouteDocument, pointer: string, findings: Findings): void {
  if ((parseSize(maxBody) as number) <= mostCheckedBytes) return
  const expected = `a body is read whole to be checked, so above 256KiB it gets 413; ${maxBody} are announced`
  findings.warn(pointer, pointer.slice(pointer.lastIndexOf('/') + 1), expected, 'write "maxBody: 256KiB" or less')
}

function readSchemas(
  validate: ValidateDocument,
  pattern: Pattern | undefined,
  pointer: string,
  findings: Findings,
): ValidatePolicy {
  const { body, bodyRequired, query, path, headers, mode } = validate
  if (body !== undefined) checkSchema(body, `${pointer}/body`)
  for (const [key, rules] of Object.entries({ query, path, headers })) {
    for (const [name, rule] of Object.entries(rules ?? {})) {
      checkSchema(rule.schema, `${pointerTo(`${pointer}/${key}`, name)}/schema`)
    }
  }
  const names = pattern && parametersOf(pattern)
  for (const name of Object.keys(path ?? {})) {
    if (names === undefined || names.includes(name)) continue
    findings.faultOfKey(
      pointerTo(`${pointer}/path`, name),
      name,
      'the path has no such parameter',
      nameFix(name, names),
    )
  }
  for (const name of Object.keys(headers ?? {})) {
    if (name === name.toLowerCase()) continue
    const fix = `write "${name.toLowerCase()}"`
    findings.faultOfKey(pointerTo(`${pointer}/headers`, name), name, 'is written in lower case', { fix })
  }
  return {
    ...(body === undefined ? {} : { body: body as object }),
    ...(bodyRequired === undefined ? {} : { bodyRequired }),
    ...(query === undefined ? {} : { query: rulesOf(query) }),
    ...(path === undefined ? {} : { path: rulesOf(path) }),
    ...(headers === undefined ? {} : { headers: rulesOf(headers) }),
    ...(mode === undefined ? {} : { mode }),
  }

  function checkSchema(schema: unknown, at: string): void {
    const fault = schemaFault(schema)
    if (fault === undefined) return
    const { expected, fix } = fault
    const more = fix === undefined ? {} : { fix }
    if (fault.on === 'key') findings.faultOfKey(`${at}${fault.pointer}`, String(fault.value), expected, more)
    else findings.fault(`${at}${fault.pointer}`, fault.value, expected, more)
  }
}

function rulesOf(rules: NonNullable<NonNullable<RouteDocument['validate']>['query']>): Record<string, ParameterRule> {
  return Object.fromEntries(
    Object.entries(rules).map(([name, { schema, required }]) => [
      name,
      { schema: schema as object, ...(required === undefined ? {} : { required }) },
    ]),
  )
}
