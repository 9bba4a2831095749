import { describe, expect, it } from 'vitest'
import { parameterValue, queryValues } from '../../../gateway/transform/parameter-value.ts'

describe('the value of a parameter', () => {
  it.each([
    [['12'], { type: 'integer' }, 12],
    [['-0.5e3'], { type: 'number' }, -500],
    [['1e3'], { type: 'integer' }, '1e3'],
    [['007'], { type: 'integer' }, '007'],
    [['0x10'], { type: 'number' }, '0x10'],
    [[''], { type: 'number' }, ''],
    [['true'], { type: 'boolean' }, true],
    [['True'], { type: 'boolean' }, 'True'],
    [['12'], { type: 'string' }, '12'],
    [['12'], {}, '12'],
    [['12'], { type: ['integer', 'null'] }, 12],
    [['1', '2'], { type: 'integer' }, undefined],
    [['1', 'x'], { type: 'array', items: { type: 'integer' } }, [1, 'x']],
  ] as const)('%j by %j is %j', (texts, schema, expected) => {
    expect(parameterValue(texts, schema, 'form')).toEqual(expected)
  })

  it('is a list with commas in paths and headers', () => {
    expect(parameterValue(['1, 2'], { type: 'array', items: { type: 'integer' } }, 'simple')).toEqual([1, 2])
    expect(parameterValue(['1,2'], { type: 'array' }, 'form')).toEqual(['1,2'])
  })
})

describe('a query', () => {
  it('is read as forms are', () => {
    expect([...(queryValues('?a=1+2&b&a=%C3%BC&&c=d=e') ?? [])]).toEqual([
      ['a', ['1 2', 'ü']],
      ['b', ['']],
      ['c', ['d=e']],
    ])
  })

  it('is nothing when it cannot be decoded', () => {
    expect(queryValues('?a=%ff')).toBeUndefined()
  })
})
