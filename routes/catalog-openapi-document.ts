import type { Findings } from './findings.ts'
import { isMapping } from './json-schema-keywords.ts'

/** An OpenAPI document of a catalog, as far as it is one at all. */
export interface OpenApiDocument {
  readonly root: Readonly<Record<string, unknown>>
  /** 3.0 has a dialect of its own, 3.1 is JSON Schema 2020-12. */
  readonly version: '3.0' | '3.1'
  readonly findings: Findings
}

/** The document that a value is; undefined for any other, which is told. */
export function openApiDocument(root: unknown, findings: Findings): OpenApiDocument | undefined {
  if (!isMapping(root)) {
    findings.fault('', root, 'expected an OpenAPI document, a mapping', { fix: 'begin with "openapi: 3.1.0"' })
    return undefined
  }
  const version = versionOf(root, findings)
  return version === undefined ? undefined : { root, version, findings }
}

/** JSON Schema 2020-12, with the words that OpenAPI adds to it. */
const dialects: readonly unknown[] = [
  undefined,
  'https://spec.openapis.org/oas/3.1/dialect/base',
  'https://json-schema.org/draft/2020-12/schema',
]

function versionOf(
  root: Readonly<Record<string, unknown>>,
  findings: Findings,
): OpenApiDocument['version'] | undefined {
  const { openapi, swagger, jsonSchemaDialect } = root
  if (openapi === undefined && swagger !== undefined) {
    findings.faultOfKey('/swagger', 'swagger', 'expected OpenAPI 3.0 or 3.1', { fix: 'convert the document' })
    return undefined
  }
  const [, version] = /^(3\.[01])\.\d+(?:-.*)?$/.exec(String(openapi)) ?? []
  if (version === undefined)
    findings.fault('/openapi', openapi, 'expected OpenAPI 3.0 or 3.1', { fix: 'write "openapi: 3.1.0" or "3.0.3"' })
  if (!dialects.includes(jsonSchemaDialect)) {
    const fix = 'leave it out: 2020-12 is the default'
    findings.fault('/jsonSchemaDialect', jsonSchemaDialect, 'no dialect that is served here', { fix })
    return undefined
  }
  return version as OpenApiDocument['version'] | undefined
}
