import { expect, it } from 'vitest'
import { readConditions } from '#routes/condition-parts.ts'

const equals = { from: 'country', test: 'equals', value: 'DE' }

it('conditions come back as they were written', () => {
  const when = [
    equals,
    { from: 'header:x-a', test: 'exists', value: false },
    { from: 'query:q', test: 'oneOf', value: ['a', ''] },
    { from: 'cookie:c', test: 'prefix', value: 'b' },
    { from: 'header:x-v', test: 'version', value: '>=4 <5' },
  ]

  expect(readConditions(when)).toEqual(when)
})

it.each([
  ['no list', equals],
  ['an empty list', []],
  ['a place that nobody knows', [{ ...equals, from: 'body:x' }]],
  ['a place without a name', [{ ...equals, from: 'header:' }]],
  ['a test that nobody knows', [{ ...equals, test: 'regex' }]],
  ['a test of the prototype', [{ ...equals, test: 'constructor' }]],
  ['a text where a list belongs', [{ ...equals, test: 'oneOf' }]],
  ['a text where yes or no belongs', [{ ...equals, test: 'exists' }]],
  ['a range that is none', [{ ...equals, test: 'version', value: '~4' }]],
  ['a text too long', [{ ...equals, value: 'x'.repeat(513) }]],
  ['a list too long', [{ ...equals, test: 'oneOf', value: Array(257).fill('x') }]],
  ['too many', Array(65).fill(equals)],
])('%s is refused', (_, when) => {
  expect(readConditions(when)).toBeUndefined()
})
