import { describe, expect, it } from 'vitest'
import { array, bp, count, document, oneOf, optional, record, text } from '#routes/shape.ts'

describe('reading by shape', () => {
  it('takes an object and nothing that merely looks like one', () => {
    expect(document('{"a":1}')).toEqual({ a: 1 })
    for (const body of ['[]', 'null', '1', '"{}"', '{', '']) expect(document(body)).toBeUndefined()
    expect(record([])).toBeUndefined()
  })

  it('reads no field that an object inherits', () => {
    expect(document('{}')?.['toString']).toBeUndefined()
    expect(document('{"__proto__":{"a":1}}')?.['a']).toBeUndefined()
  })

  it('bounds numbers', () => {
    for (const value of [-1, 0.5, Number.NaN, 2 ** 53, '1', null]) expect(count(value)).toBeUndefined()
    expect(bp(10_000)).toBe(10_000)
    expect(bp(10_001)).toBeUndefined()
  })

  it('refuses a list for one element that it cannot read', () => {
    expect(array(['a', 'b'], text)).toEqual(['a', 'b'])
    expect(array(['a', 1], text)).toBeUndefined()
    expect(array({ length: 1 }, text)).toBeUndefined()
  })

  it('tells absent from unreadable', () => {
    expect(optional(undefined, text)).toBeUndefined()
    expect(optional(1, text)).toBeNull()
    expect(optional(null, text)).toBeNull()
    expect(oneOf('b', ['a', 'b'])).toBe('b')
  })
})
