import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { takeCookie } from '#routes/own-cookie.ts'

describe('taking a cookie of ours out of a Cookie field', () => {
  it.each([
    ['ours=X', '', 'X'],
    ['ours=X; a=1', 'a=1', 'X'],
    ['a=1; ours=X', 'a=1', 'X'],
    ['a=1; ours=X; b=2', 'a=1; b=2', 'X'],
    ['a=1;ours=X;b=2', 'a=1;b=2', 'X'],
    ['a=1;  ours = X ;b="2"', 'a=1;b="2"', 'X'],
    ['ours=X; a=1; ours=Y', 'a=1', 'X'],
    ['ours=', '', ''],
    ['a=ours=X', 'a=ours=X', undefined],
    ['notours=X; ours; Ours=Y', 'notours=X; ours; Ours=Y', undefined],
    ['', '', undefined],
  ])('%j leaves %j', (field, rest, value) => {
    expect(takeCookie(field, 'ours')).toEqual({ rest, value })
  })

  it('leaves every other cookie byte for byte, wherever ours stood', () => {
    const other = fc.string({ unit: fc.constantFrom('a', '=', '"', ',', ' ', '%', 'ü'), minLength: 1, maxLength: 8 })
    const pair = other.map((text) => `k${text}x`)
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 5 }), fc.nat(5), (pairs, at) => {
        const field = pairs.toSpliced(at, 0, 'ours=X').join('; ')

        expect(takeCookie(field, 'ours')).toEqual({ rest: pairs.join('; '), value: 'X' })
      }),
    )
  })
})
