import type { Plugin } from 'ajv'
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { linearPattern, mostSteps, type Steps } from './linear-pattern.ts'

/** Where a value is not as its schema says, as a JSON pointer into it (RFC 6901); undefined = it is. */
export type Check = (value: unknown) => string | undefined

/**
 * A JSON Schema (2020-12, as in OpenAPI 3.1) as a check. Takes milliseconds, so once a policy. Throws for what is no schema:
 * a reference to another document is never fetched, and an expression that may not be run on clients' texts is refused.
 */
export function schemaCheck(schema: object): Check {
  const steps = { left: mostSteps }
  const validate = compiler(steps).compile(schema)
  return (value) => {
    steps.left = mostSteps
    return validate(value) ? undefined : pointerOf(validate.errors?.[0])
  }
}

/** A compiler for each schema: `$id`s of one must not be what another refers to, and nothing is kept behind. */
function compiler(steps: Steps): Ajv2020 {
  const regExp = Object.assign((source: string) => linearPattern(source, steps), { code: 'linearPattern' })
  const ajv = new Ajv2020({
    // OpenAPI's own keywords (`example`, `xml`) say nothing about validity.
    strictSchema: false,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    // `constructor` and `toString` are no members of a client's object.
    ownProperties: true,
    // Optimising takes longer than it saves: 1,000 properties 310 ms against 118 ms, measured.
    code: { optimize: false, regExp },
    logger: false,
  })
  ;(formats as unknown as Plugin<unknown>)(ajv as never)
  for (const [name, format] of Object.entries(ajv.formats)) {
    const test = format instanceof RegExp ? (text: string) => format.test(text) : testOf(format)
    if (test !== undefined) ajv.addFormat(name, (text) => text.length <= longestFormatted && test(text))
  }
  return ajv
}

/** Their expressions backtrack, and no address, name or date is longer. */
const longestFormatted = 2_048

/** Undefined for formats of numbers. */
function testOf(format: Ajv2020['formats'][string]): ((text: string) => boolean) | undefined {
  if (typeof format === 'function') return format as (text: string) => boolean
  if (typeof format !== 'object' || format instanceof RegExp || format.type === 'number') return undefined
  const { validate } = format as { readonly validate: RegExp | ((text: string) => boolean) }
  return validate instanceof RegExp ? (text) => validate.test(text) : validate
}

/** A missing or unknown member is told by its parent; the pointer goes to the member itself. */
function pointerOf(error: ErrorObject | undefined): string {
  if (error === undefined) return ''
  const { missingProperty, additionalProperty, unevaluatedProperty } = error.params as Record<string, unknown>
  const member = missingProperty ?? additionalProperty ?? unevaluatedProperty
  const name = typeof member === 'string' ? `/${member.replaceAll('~', '~0').replaceAll('/', '~1')}` : ''
  return (error.instancePath + name).slice(0, longestPointer)
}

/** Names in it are the client's own. */
const longestPointer = 512
