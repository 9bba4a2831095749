import { validateHeaderName, validateHeaderValue } from 'node:http'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isHeaderName, isHeaderValue } from '#routes/header-text.ts'

const accepts = (validate: () => void): boolean => {
  try {
    validate()
    return true
  } catch {
    return false
  }
}

it('a value that passes is one that Node writes, so it cannot begin another field', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (value) => {
      expect(isHeaderValue(value)).toBe(accepts(() => validateHeaderValue('x', value)))
    }),
    { examples: [['a\r\nb: c'], ['a\0'], ['é'], ['\t'], ['\x7f'], ['']] },
  )
  expect(isHeaderValue('x'.repeat(8_193))).toBe(false)
  expect(isHeaderValue(undefined)).toBe(false)
})

it('a name that passes is a token', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 10 }), (name) => {
      expect(isHeaderName(name)).toBe(accepts(() => validateHeaderName(name)))
    }),
    { examples: [['X-Order'], ['x y'], ['x:'], ['']] },
  )
})
