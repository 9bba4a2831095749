import { describe, expect, it } from 'vitest'
import { schemaCheck } from '../../../gateway/transform/schema-checks.ts'

describe('a schema', () => {
  const order = {
    type: 'object',
    required: ['items'],
    additionalProperties: false,
    properties: {
      items: { type: 'array', minItems: 1, items: { $ref: '#/$defs/item' } },
      mail: { type: 'string', format: 'email' },
    },
    $defs: {
      item: { type: 'object', properties: { 'a/b': { type: 'integer', example: 1 }, sku: { pattern: '^[A-Z]{3}$' } } },
    },
  }
  const check = schemaCheck(order)

  it.each([
    [{ items: [{ sku: 'ABC' }] }, undefined],
    [{}, '/items'],
    [{ items: [] }, '/items'],
    [{ items: [{}, { 'a/b': 'x' }] }, '/items/1/a~1b'],
    [{ items: [{ sku: 'ABCD' }] }, '/items/0/sku'],
    [{ items: [{}], 'x~y': 1 }, '/x~0y'],
    [{ items: [{}], mail: 'nobody' }, '/mail'],
    [[], ''],
  ])('of %j points at %s', (value, pointer) => {
    expect(check(value)).toBe(pointer)
  })

  it('has an expression of its own for each member', () => {
    const two = schemaCheck({ properties: { a: { pattern: '^a$' }, b: { pattern: '^b$' } } })

    expect([two({ a: 'a', b: 'b' }), two({ a: 'a', b: 'a' })]).toEqual([undefined, '/b'])
  })

  it.each([
    ['email', 'a@example.com', 'a'],
    ['date-time', '2026-01-01T00:00:00Z', '2026-13-01T00:00:00Z'],
    ['uuid', '0b2b1d6e-3a44-4f6f-8f0e-0a4d3c1f2b3a', '0b2b'],
    ['uri', 'https://example.com/a', `https://example.com/${'a'.repeat(3000)}`],
  ])('knows the format %s', (format, good, bad) => {
    const check = schemaCheck({ type: 'string', format })

    expect([check(good), check(bad)]).toEqual([undefined, ''])
  })

  it('takes no inherited member for the client’s own', () => {
    expect(schemaCheck({ required: ['constructor'] })({})).toBe('/constructor')
  })

  it('is never fetched from elsewhere, and knows nothing of another one', () => {
    schemaCheck({ $id: 'https://example.com/a', type: 'string' })

    expect(() => schemaCheck({ $ref: 'https://example.com/a' })).toThrow("can't resolve reference")
  })

  it('with an expression that might not end is no schema', () => {
    expect(() => schemaCheck({ pattern: '(?=a)(a+)+$' })).toThrow(expect.objectContaining({ code: 'policy-unusable' }))
  })
})
