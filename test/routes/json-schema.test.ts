import { Ajv2020 } from 'ajv/dist/2020.js'
import ajvFormats from 'ajv-formats'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readSchema, schemaFault } from '#routes/json-schema.ts'
import { schemaLimits } from '#routes/json-schema-keywords.ts'

const order = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['items'],
  properties: {
    items: { type: 'array', minItems: 1, items: { $ref: '#/$defs/item' } },
    note: { type: ['string', 'null'], maxLength: 500 },
    at: { type: 'string', format: 'date-time' },
    'a/b~c': { enum: [1, null, { d: [] }] },
    again: { $ref: '#/properties/a~1b~0c' },
  },
  patternProperties: { '^x-': true },
  additionalProperties: false,
  $defs: { item: { type: 'object', properties: { count: { type: 'integer', minimum: 1 } }, if: {}, else: false } },
}

describe('a JSON Schema of a route', () => {
  it('is taken when each keyword is one that is checked', () => expect(schemaFault(order)).toBeUndefined())

  it.each([
    ['a text', 'string', ''],
    ['a keyword that nobody knows', { properties: { a: { requird: [] } } }, '/properties/a/requird'],
    ['a keyword of every object', { constructor: {} }, '/constructor'],
    ['an unknown type', { type: 'date' }, '/type'],
    ['a type twice', { type: ['string', 'string'] }, '/type'],
    ['an empty choice', { anyOf: [] }, '/anyOf'],
    ['a fault in a choice', { anyOf: [{}, { minLength: -1 }] }, '/anyOf/1/minLength'],
    ['no expression', { pattern: '(' }, '/pattern'],
    ['no expression as a key', { patternProperties: { '(': true } }, '/patternProperties/('],
    ['one that a text may hold up for minutes', { pattern: '^(?=a)(a+)+$' }, '/pattern'],
    ['a reference to elsewhere', { $ref: 'other.json' }, '/$ref'],
    ['a reference to nothing', { $ref: '#/$defs/a' }, '/$ref'],
    ['a reference to no schema', { title: 'a', $ref: '#/title' }, '/$ref'],
    ['a reference into a value', { const: { type: 'a' }, not: { $ref: '#/const' } }, '/not/$ref'],
    ['a reference to itself', { $ref: '#' }, '/$ref'],
    ['one that comes back', { anyOf: [{ $ref: '#/$defs/a' }], $defs: { a: { not: { $ref: '#' } } } }, '/anyOf/0/$ref'],
    ['another dialect', { $schema: 'http://json-schema.org/draft-07/schema#' }, '/$schema'],
    ['a format that is not checked', { format: 'emial' }, '/format'],
    ['a number that JSON lacks', { maximum: Number.POSITIVE_INFINITY }, '/maximum'],
    ['a value that JSON lacks', { const: { a: [Number.NaN] } }, '/const'],
    ['a step of nought', { multipleOf: 0 }, '/multipleOf'],
    ['a name twice', { required: ['a', 'a'] }, '/required'],
  ])('is refused for %s, at its place', (_, schema, pointer) => {
    expect(schemaFault(schema)?.pointer).toBe(pointer)
    expect(readSchema(schema)).toBeUndefined()
  })

  it('is bounded in depth and number', () => {
    let deep: object = {}
    for (let level = 0; level <= schemaLimits.depth; level++) deep = { not: deep }
    const wide = { anyOf: Array.from({ length: schemaLimits.schemas }, () => ({})) }

    expect(schemaFault(deep)?.expected).toBe('nested deeper than 24')
    expect(schemaFault(wide)?.expected).toBe('more than 2000 schemas')
  })

  it('may come back to itself by a part, as trees do', () => {
    expect(schemaFault({ properties: { children: { type: 'array', items: { $ref: '#' } } } })).toBeUndefined()
  })

  it('that is taken compiles in a validator and answers, whatever it is', () => {
    const values = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('string', '#', '#/$defs/a', '^a', ['a'], [{}], 5, true),
    )
    const keywords = [
      'type',
      'items',
      'properties',
      'required',
      'enum',
      'anyOf',
      '$ref',
      '$defs',
      'pattern',
      'minimum',
      'maxItems',
      'format',
      'dependentRequired',
      'prefixItems',
      'not',
      'default',
    ]
    const schemas = fc.letrec((tie) => ({
      schema: fc.dictionary(fc.constantFrom(...keywords), fc.oneof({ depthSize: 'small' }, values, tie('schema')), {
        maxKeys: 3,
      }),
    })).schema
    const ajv = new Ajv2020({ strict: false, logger: false })
    ;(ajvFormats as unknown as (ajv: Ajv2020) => void)(ajv)
    let taken = 0
    fc.assert(
      fc.property(schemas, (schema) => {
        if (schemaFault(schema) !== undefined) return
        taken += 1
        expect(typeof ajv.compile(schema as object)({ a: [1], b: 'c' })).toBe('boolean')
      }),
      { numRuns: 1_000 },
    )
    expect(taken).toBeGreaterThan(50)
  })
})
