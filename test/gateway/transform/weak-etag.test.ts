import { describe, expect, it } from 'vitest'
import { asAsked, weakened } from '../../../gateway/transform/weak-etag.ts'

describe('the tag of a body that is not the service’s own', () => {
  it('is weak', () => {
    expect([weakened('"a"'), weakened('W/"a"')]).toEqual(['W/"a"', 'W/"a"'])
  })

  it.each([
    ['W/"a"', 'W/"a"'],
    ['"b", W/"a"', 'W/"a"'],
    ['"a"', '"a"'],
    ['W/"a", "a"', '"a"'],
    ['W/"b"', '"a"'],
    ['*', '"a"'],
  ])('comes back in a 304 as it was asked by %s', (asked, expected) => {
    expect(asAsked(['ETag', '"a"'], asked)).toEqual(['ETag', expected])
  })
})
