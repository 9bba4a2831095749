import { expect, it } from 'vitest'
import { inWords } from '#routes/condition-words.ts'

it('conditions are told as clauses', () => {
  expect(inWords({ from: 'header:x-channel', test: 'equals', value: 'beta' })).toBe('header:x-channel is "beta"')
  expect(inWords({ from: 'query:q', test: 'prefix', value: 'a' })).toBe('query:q begins with "a"')
  expect(inWords({ from: 'country', test: 'oneOf', value: ['AT', 'DE'] })).toBe('country is one of AT, DE')
  expect(inWords({ from: 'cookie:c', test: 'exists', value: false })).toBe('cookie:c is absent')
  expect(inWords({ from: 'header:x-v', test: 'version', value: '>=4 <5' })).toBe('header:x-v is in >=4 <5')
})
