/** The keywords of JSON Schema 2020-12 that gateways check, or rightly pass over, and what each takes. */

export const schemaLimits = { depth: 24, schemas: 2000, patternLength: 500 } as const

type PlainForm = keyof typeof plainForms
export type Form = PlainForm | 'schema' | 'schemas' | 'named schemas' | 'schemas by pattern' | 'reference'

const types = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']

const dialect = 'https://json-schema.org/draft/2020-12/schema'

/** Those that are checked; an unknown one would let everything through. */
const formats: ReadonlySet<unknown> = new Set(
  'date time date-time duration uri uri-reference uri-template email hostname ipv4 ipv6 regex uuid json-pointer relative-json-pointer int32 int64 float double byte binary password'.split(
    ' ',
  ),
)

export const plainForms = {
  type: [isType, `expected one or several of ${types.join(', ')}`],
  values: [
    (value: unknown) => Array.isArray(value) && value.length > 0 && isJson(value, 0),
    'expected a list of values',
  ],
  value: [(value: unknown) => isJson(value, 0), 'expected a JSON value'],
  number: [(value: unknown) => Number.isFinite(value), 'expected a number'],
  step: [(value: unknown) => Number.isFinite(value) && (value as number) > 0, 'expected a number above 0'],
  count: [(value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0, 'expected a whole number'],
  flag: [(value: unknown) => typeof value === 'boolean', 'expected true or false'],
  dialect: [(value: unknown) => value === dialect, `expected ${dialect}`],
  format: [(value: unknown) => formats.has(value), 'no format that is checked here'],
  text: [(value: unknown) => typeof value === 'string', 'expected a text'],
  expression: [
    isExpression,
    `expected a regular expression of at most ${schemaLimits.patternLength} characters, and no repeated group beside a look around, \\p{} or a back reference`,
  ],
  names: [isNames, 'expected a list of names, each once'],
  'named names': [
    (value: unknown) => isMapping(value) && Object.values(value).every(isNames),
    'expected lists of names',
  ],
} as const satisfies Record<string, readonly [(value: unknown) => boolean, string]>

export const keywords: Readonly<Record<string, Form>> = {
  $ref: 'reference',
  $defs: 'named schemas',
  $comment: 'text',
  $schema: 'dialect',
  type: 'type',
  enum: 'values',
  const: 'value',
  properties: 'named schemas',
  patternProperties: 'schemas by pattern',
  additionalProperties: 'schema',
  unevaluatedProperties: 'schema',
  propertyNames: 'schema',
  required: 'names',
  minProperties: 'count',
  maxProperties: 'count',
  dependentRequired: 'named names',
  dependentSchemas: 'named schemas',
  items: 'schema',
  prefixItems: 'schemas',
  unevaluatedItems: 'schema',
  contains: 'schema',
  minContains: 'count',
  maxContains: 'count',
  minItems: 'count',
  maxItems: 'count',
  uniqueItems: 'flag',
  minLength: 'count',
  maxLength: 'count',
  pattern: 'expression',
  format: 'format',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'step',
  allOf: 'schemas',
  anyOf: 'schemas',
  oneOf: 'schemas',
  not: 'schema',
  if: 'schema',
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; nobody awaits this table.
  then: 'schema',
  else: 'schema',
  title: 'text',
  description: 'text',
  default: 'value',
  examples: 'values',
  deprecated: 'flag',
  readOnly: 'flag',
  writeOnly: 'flag',
}

function isType(value: unknown): boolean {
  if (!Array.isArray(value)) return typeof value === 'string' && types.includes(value)
  return value.length > 0 && new Set(value).size === value.length && value.every((each) => types.includes(each))
}

function isNames(value: unknown): boolean {
  if (!Array.isArray(value)) return false
  return value.every((each) => typeof each === 'string') && new Set(value).size === value.length
}

/** Only a backtracking engine runs these; with a repeated group, one text of a client could hold a gateway up for minutes. */
const needsBacktracking = /\\[pPk1-9]|\\u\{|\(\?(?:[=!]|<[=!])/
const repeatsGroup = /\)[*+{]/

export function isExpression(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > schemaLimits.patternLength) return false
  if (needsBacktracking.test(value) && repeatsGroup.test(value)) return false
  try {
    // The dialect of ECMA-262 with Unicode, as JSON Schema asks for (2020-12 Core, section 6.4).
    return new RegExp(value, 'u') instanceof RegExp
  } catch {
    // The constructor is the only judge there is; its refusal is the answer.
    return false
  }
}

/** YAML has numbers that JSON lacks: infinities and no number at all. */
function isJson(value: unknown, depth: number): boolean {
  if (depth > schemaLimits.depth) return false
  if (Array.isArray(value)) return value.every((each) => isJson(each, depth + 1))
  if (isMapping(value)) return Object.values(value).every((each) => isJson(each, depth + 1))
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
