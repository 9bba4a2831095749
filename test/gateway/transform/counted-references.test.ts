import { describe, expect, it } from 'vitest'
import { referenceMark, withMarkedReferences } from '../../../gateway/transform/counted-references.ts'

const ref = { $ref: '#/$defs/a' }
const marked = { $ref: '#/$defs/a', [referenceMark]: true }

describe('a schema with marked references', () => {
  it.each([
    [ref, marked],
    [{ items: ref }, { items: marked }],
    [
      { anyOf: [ref, true], $defs: { a: { not: ref } } },
      { anyOf: [marked, true], $defs: { a: { not: marked } } },
    ],
    [
      { properties: { $ref: { type: 'string' }, items: ref }, patternProperties: { '^a': ref } },
      { properties: { $ref: { type: 'string' }, items: marked }, patternProperties: { '^a': marked } },
    ],
  ])('has one wherever a reference stands: %j', (schema, expected) => {
    expect(withMarkedReferences(schema)).toEqual(expected)
  })

  it.each([{ const: ref }, { enum: [ref] }, { default: ref }, { examples: [ref] }, { unheardOf: ref }, true])(
    'has none in a value that only looks like one: %j',
    (schema) => {
      expect(withMarkedReferences(schema)).toEqual(schema)
    },
  )
})
