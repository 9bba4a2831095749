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

  describe('of which a small body could make endless work', () => {
    const quick = (check: (value: unknown) => unknown, value: unknown): unknown => {
      const begun = performance.now()
      const pointer = check(value)
      expect(performance.now() - begun).toBeLessThan(5_000)
      return pointer
    }
    const node = { $ref: '#/$defs/node' }
    const branch = (op: string) => ({ required: ['op'], properties: { of: node, op: { const: op } } })
    const filters = schemaCheck({ ...node, $defs: { node: { anyOf: [branch('and'), branch('or')] } } })
    const nested = (depth: number, op: string): unknown => {
      let value: unknown = { op }
      for (let at = 0; at < depth; at++) value = { op: 'or', of: value }
      return value
    }

    it('takes alternatives within alternatives, as deep as they are meant', () => {
      expect([filters(nested(6, 'and')), filters(nested(6, 'nor'))]).toEqual([undefined, `${'/of'.repeat(6)}/op`])
    })

    it('ends with a fault before each level has doubled the work', () => {
      expect(quick(filters, nested(40, 'nor'))).toBe('')
    })

    it('finds equal items among thousands without comparing each with each', () => {
      const check = schemaCheck({ uniqueItems: true })
      const items = Array.from({ length: 20_000 }, (_, a) => ({ a }))

      expect([quick(check, items), quick(check, [...items, { a: 7 }])]).toEqual([undefined, ''])
    })

    it('takes what it could not check to its end for no exception that holds', () => {
      const check = schemaCheck({ not: { pattern: '(?=x)a*b$' } })

      expect([check('ab'), quick(check, 'a'.repeat(100_000))]).toEqual([undefined, ''])
    })
  })
})
