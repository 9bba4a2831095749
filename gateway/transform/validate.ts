import type { ParameterRule, RoutePolicy, ValidatePolicy } from '#routes/policy.ts'
import type { Log } from '#server-kit/log.ts'
import type { Counter } from '#server-kit/metrics.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { compiledOnce } from './compiled-once.ts'
import { readJson } from './json-body.ts'
import { parameterValue, percentDecoded, queryValues } from './parameter-value.ts'
import { rawCaptures } from './raw-captures.ts'
import { pathOf } from './safe-path.ts'
import { type Check, schemaCheck } from './schema-checks.ts'

/** Bodies are read whole to be checked; a longer one is refused with 413. */
export const checkedBodyBytes = 256 * 1024

export interface ValidateOptions {
  readonly log: Log
  readonly outcomes: Counter<'route' | 'outcome'>
}

export const validateOutcomes = ['refused', 'observed', 'unread'] as const

interface Parameter {
  readonly name: string
  readonly schema: object
  readonly required: boolean
  readonly check: Check
}

interface Validation {
  readonly body: Check | undefined
  readonly bodyRequired: boolean
  readonly query: readonly Parameter[]
  readonly path: readonly Parameter[]
  readonly headers: readonly Parameter[]
  readonly observe: boolean
}

/**
 * Refuses requests that are not as the route's schemas say, with a pointer to the first fault and no more: a service then
 * gets what it was written for. With `observe` they are counted and pass, so that a schema can be tried on real traffic.
 */
export function validate({ log, outcomes }: ValidateOptions): Phase {
  const validationOf = compiledOnce('validate', log, compile)

  const tell = (x: Exchange, { observe }: Validation, pointer: string | undefined): undefined => {
    if (x.explained !== undefined) x.explained['validate'] = { fault: pointer ?? 'none', observe }
    if (pointer === undefined) return undefined
    outcomes.inc({ route: x.decision?.route?.id ?? 'none', outcome: observe ? 'observed' : 'refused' })
    if (!observe) throw problems['body-invalid']({ because: `not as the schema says at ${pointer}`, pointer })
    return undefined
  }

  const checkBody = async (x: Exchange, validation: Validation, policy: RoutePolicy): Promise<undefined> => {
    if (validation.observe && (x.body.length === undefined || x.body.length > checkedBodyBytes)) {
      // To read it whole would change what is only observed.
      outcomes.inc({ route: x.decision?.route?.id ?? 'none', outcome: 'unread' })
      return undefined
    }
    const limitBytes = Math.min(checkedBodyBytes, policy.maxBodyBytes)
    const bytes = await x.body.whole(limitBytes, policy.timeout.totalMs)
    return tell(x, validation, faultOfBody(bytes, validation.body as Check))
  }

  return {
    name: 'validate',
    before(x: Exchange): undefined | Promise<undefined> {
      const route = x.decision?.route
      if (route?.policy.validate === undefined) return undefined
      const validation = validationOf(route.policy.validate)
      const fault = faultOfParameters(x, validation, route.pattern) ?? faultOfBodyHead(x, validation)
      if (fault !== undefined) return tell(x, validation, fault)
      if (validation.body === undefined || !x.body.present) return tell(x, validation, undefined)
      return checkBody(x, validation, route.policy)
    },
  }
}

function compile(policy: ValidatePolicy): Validation {
  const { body, bodyRequired, query, path, headers, mode } = policy
  return {
    body: body === undefined ? undefined : schemaCheck(body),
    bodyRequired: bodyRequired === true,
    query: parameters(query),
    path: parameters(path),
    headers: parameters(headers),
    observe: mode === 'observe',
  }
}

function parameters(rules: Readonly<Record<string, ParameterRule>> = {}): Parameter[] {
  return Object.entries(rules).map(([name, { schema, required }]) => ({
    name,
    schema,
    required: required === true,
    check: schemaCheck(schema),
  }))
}

function faultOfParameters(x: Exchange, { query, path, headers }: Validation, pattern: string): string | undefined {
  for (const { name, ...rule } of headers) {
    const text = x.header(name.toLowerCase())
    const fault = faultOf(rule, text === undefined ? [] : [text], 'simple')
    if (fault !== undefined) return `/headers/${name.toLowerCase()}${fault}`
  }
  if (path.length > 0) {
    const captures = rawCaptures(pattern, pathOf(x.target))
    for (const { name, ...rule } of path) {
      const text = captures[name]
      const value = text === undefined ? undefined : percentDecoded(text)
      const fault =
        text !== undefined && value === undefined ? '' : faultOf(rule, value === undefined ? [] : [value], 'simple')
      if (fault !== undefined) return `/path/${pointerPart(name)}${fault}`
    }
  }
  if (query.length > 0) {
    const values = queryValues(x.target.slice(pathOf(x.target).length))
    if (values === undefined) return '/query'
    for (const { name, ...rule } of query) {
      const fault = faultOf(rule, values.get(name) ?? [], 'form')
      if (fault !== undefined) return `/query/${pointerPart(name)}${fault}`
    }
  }
  return undefined
}

function faultOf(
  { schema, required, check }: Omit<Parameter, 'name'>,
  texts: readonly string[],
  style: 'form' | 'simple',
): string | undefined {
  if (texts.length === 0) return required ? '' : undefined
  const value = parameterValue(texts, schema, style)
  return value === undefined ? '' : check(value)
}

/** What can be told before a byte of the body is read, so that a client that waits for `100 Continue` never uploads it. */
function faultOfBodyHead(x: Exchange, { body, bodyRequired }: Validation): string | undefined {
  if (!x.body.present) return bodyRequired ? '/body' : undefined
  if (body === undefined) return undefined
  const type = x.header('content-type') ?? ''
  if (!jsonType.test(type)) return '/headers/content-type'
  return x.names.includes('content-encoding') ? '/headers/content-encoding' : undefined
}

/** `application/json` or any `+json`, in UTF-8: RFC 8259 section 8.1 knows no other charset. */
const jsonType = /^\s*application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

function faultOfBody(bytes: Buffer, check: Check): string | undefined {
  const json = readJson(bytes)
  const fault = json.ok ? check(json.value) : ''
  return fault === undefined ? undefined : `/body${fault}`
}

function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
