import type { Plugin } from 'ajv'
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { referenceMark, withMarkedReferences } from './counted-references.ts'
import { areDistinct } from './distinct-items.ts'
import { linearPattern, mostSteps, type Steps } from './linear-pattern.ts'

/** Where a value is not as its schema says, as a JSON pointer into it (RFC 6901); undefined = it is. */
export type Check = (value: unknown) => string | undefined

/**
 * A JSON Schema (2020-12, as in OpenAPI 3.1) as a check. Takes milliseconds, so once a policy. Throws for what is no schema:
 * a reference to another document is never fetched, and an expression that may not be run on clients' texts is refused. A
 * value that would take too many steps is not as the schema says, whatever the schema makes of its parts.
 */
export function schemaCheck(schema: object): Check {
  const steps = { left: mostSteps }
  const validate = compiler(steps).compile(withMarkedReferences(schema) as object)
  return (value) => {
    steps.left = mostSteps
    const holds = validate(value)
    // A part that could not be checked to its end may be one that must not hold.
    if (steps.left < 0) return ''
    return holds ? undefined : pointerOf(validate.errors?.[0])
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
  ajv.addKeyword({ keyword: referenceMark, before: '$ref', validate: () => followed(steps), errors: false })
  // Its own compares each item with each other one.
  ajv.removeKeyword('uniqueItems').addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (asked: boolean, items: readonly unknown[]) => !asked || areDistinct(items, steps),
    errors: false,
  })
  ;(formats as unknown as Plugin<unknown>)(ajv as never)
  for (const [name, format] of Object.entries(ajv.formats)) {
    const test = format instanceof RegExp ? (text: string) => format.test(text) : testOf(format)
    if (test !== undefined) ajv.addFormat(name, (text) => text.length <= longestFormatted && test(text))
  }
  return ajv
}

function followed(steps: Steps): boolean {
  steps.left -= stepsAReference
  return steps.left >= 0
}

/** What one takes that leads to a small object, in steps of an expression (1.1 µs, measured). */
const stepsAReference = 40

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
