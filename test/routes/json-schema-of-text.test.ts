import { describe, expect, it } from 'vitest'
import { textSchema } from '#routes/json-schema-of-text.ts'

const $defs = {
  Age: { type: 'integer' },
  Word: { allOf: [{ $ref: '#/$defs/Words' }] },
  Words: { enum: ['a', 'b'] },
  Ages: { type: 'array', items: { $ref: '#/$defs/Age' } },
  Round: { anyOf: [{ $ref: '#/$defs/Round' }] },
}

describe('the types by which a text is read', () => {
  it.each([
    [{ type: 'integer', maximum: 5 }, 'integer'],
    [{ type: ['number', 'null'] }, ['number', 'null']],
    [{ $ref: '#/$defs/Age' }, 'integer'],
    [{ allOf: [{ description: 'says nothing' }, { $ref: '#/$defs/Age' }] }, 'integer'],
    [{ $ref: '#/$defs/Word' }, 'string'],
    [{ const: 2.5 }, 'number'],
    [{ enum: [1, 2, null] }, ['integer', 'null']],
    [{ oneOf: [{ $ref: '#/$defs/Age' }, { type: 'number' }] }, ['integer', 'number']],
    [{ minLength: 2 }, undefined],
    [{}, undefined],
  ])('of %j are %j', (schema, type) => {
    const text = textSchema({ ...schema, $defs })

    expect(text?.isList).toBe(false)
    expect(text?.schema).toEqual({ ...(type === undefined ? {} : { type }), ...schema, $defs })
  })

  it.each([
    { type: 'array', items: { $ref: '#/$defs/Age' } },
    { $ref: '#/$defs/Ages' },
    { allOf: [{ $ref: '#/$defs/Ages' }] },
  ])('of the items of %j are those of integers', (schema) => {
    const text = textSchema({ ...schema, $defs })

    expect(text).toMatchObject({ isList: true, schema: { type: 'array', items: { type: 'integer' } } })
    expect(text?.schema).toMatchObject(schema)
  })

  it('of a list of anything are none', () => {
    expect(textSchema({ type: 'array' })).toEqual({ isList: true, schema: { type: 'array', items: {} } })
  })
})

it.each([
  { type: 'object' },
  { type: ['integer', 'string'] },
  { anyOf: [{ type: 'boolean' }, { enum: ['all'] }] },
  { oneOf: [{ type: 'integer' }, { $ref: '#/$defs/Ages' }] },
  { type: 'array', items: { type: 'object' } },
  { type: 'array', items: { $ref: '#/$defs/Ages' } },
  { enum: [{}] },
])('%j cannot be told from a text', (schema) => {
  expect(textSchema({ ...schema, $defs })).toBeUndefined()
})

it('a circle of references has no type, and an end', () => {
  expect(textSchema({ $ref: '#/$defs/Round', $defs })?.isList).toBe(false)
})
