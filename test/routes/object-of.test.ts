import { expect, it } from 'vitest'
import { listOf, mappingOf, objectOf, positive, wordOf, yes } from '#routes/object-of.ts'
import { count, text } from '#routes/shape.ts'

const read = objectOf<{ a: number; b?: string }>({ a: count }, { b: text })

it('an object is read with the keys that it must and may have, and no other', () => {
  expect(read({ a: 1 })).toEqual({ a: 1 })
  expect(read({ a: 1, b: 'x' })).toEqual({ a: 1, b: 'x' })
  expect(read({ b: 'x' })).toBeUndefined()
  expect(read({ a: 1, b: 2 })).toBeUndefined()
  expect(read({ a: 1, c: 3 })).toBeUndefined()
  expect(read({ a: 1, constructor: 3 })).toBeUndefined()
  expect(read([1])).toBeUndefined()
})

it('a mapping is read with keys of one form, that of a prototype too', () => {
  const texts = mappingOf((name) => name.startsWith('_'), text)

  expect(texts(JSON.parse('{"__proto__":"a"}'))).toEqual(JSON.parse('{"__proto__":"a"}'))
  expect(texts({ _a: 1 })).toBeUndefined()
  expect(texts({ a: 'b' })).toBeUndefined()
})

it('lists, words, flags and positive numbers are read as what they are', () => {
  expect(listOf(wordOf('a', 5))(['a', 5])).toEqual(['a', 5])
  expect(listOf(wordOf('a', 5))(['a', '5'])).toBeUndefined()
  expect([yes(true), yes(false), yes(1)]).toEqual([true, undefined, undefined])
  expect([positive(1), positive(0), positive(-1)]).toEqual([1, undefined, undefined])
})
