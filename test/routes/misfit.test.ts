import fc from 'fast-check'
import Type from 'typebox'
import { Check } from 'typebox/value'
import { expect, it } from 'vitest'
import { serviceSchema } from '#routes/catalog-schema.ts'
import { complete, type Shape } from '#routes/misfit.ts'

const completed = (schema: object, value: unknown) =>
  complete(schema as Shape, value, (shape, part) => Check(shape, part))
const told = (schema: object, value: unknown) => completed(schema, value).misfits.map((each) => each.expected)

it('of a union the branch is told that the author meant', () => {
  const union = Type.Union([
    Type.Literal('public'),
    Type.Object({ scopes: Type.Array(Type.String()) }, { additionalProperties: false }),
  ])

  expect(completed(union, { scopes: [1] }).misfits).toMatchObject([
    { pointer: '/scopes/0', expected: 'expected a text' },
  ])
  expect(completed(union, 'publik').misfits).toMatchObject([
    { pointer: '', expected: 'expected public or a mapping with scopes', fix: 'did you mean "public"?' },
  ])
})

it('a number is told with its range', () => {
  expect(told(Type.Integer({ minimum: 1, maximum: 9 }), 10)).toEqual(['expected a whole number from 1 to 9'])
  expect(told(Type.Number({ maximum: 9 }), 10)).toEqual(['expected a number of at most 9'])
  expect(told(Type.Number(), 'x')).toEqual(['expected a number'])
  expect(told(Type.Boolean(), 'yes')).toEqual(['expected true or false'])
})

it('defaults are filled in at every depth, in mappings with free keys too', () => {
  const inner = Type.Object({ wait: Type.String({ default: '1s' }) }, { default: {} })
  const schema = Type.Object({ inner, by: Type.Record(Type.String({ pattern: '^[a-z]+$' }), inner) })

  expect(completed(schema, { by: { a: {} } }).value).toEqual({ inner: { wait: '1s' }, by: { a: { wait: '1s' } } })
})

it('a mapping or list of the wrong size is told its limit', () => {
  expect(told(Type.Array(Type.String(), { maxItems: 1 }), ['a', 'b'])).toEqual(['expected at most 1'])
  expect(told(Type.Record(Type.String(), Type.String(), { minProperties: 1 }), {})).toEqual(['expected at least 1'])
})

it('a value has no misfits exactly when the validator accepts it', () => {
  const good = { service: 'a', owner: 'b', deployments: { c: { url: 'http://d' } }, routes: [{ path: '/e' }] }
  const keys = ['service', 'tier', 'key', 'deployments', 'routes', 'dependsOn', 'other']
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) => {
      const { value: whole, misfits } = completed(serviceSchema, { ...good, [key]: value })

      expect(Check(serviceSchema, whole) || misfits.length > 0).toBe(true)
      if (misfits.length === 0) expect(Check(serviceSchema, whole)).toBe(true)
    }),
  )
})
