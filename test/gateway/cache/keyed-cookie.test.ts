import { describe, expect, it } from 'vitest'
import { cookieText, keyedCookie } from '../../../gateway/cache/keyed-cookie.ts'

const read = (field: string | undefined, name = 'session') => cookieText(field, keyedCookie(name))

describe('a cookie in a key', () => {
  it('is absent, empty or its value, each with its length', () => {
    expect(read(undefined)).toBeUndefined()
    expect(read('other=1')).toBeUndefined()
    expect(read('session=')).toBe('0:')
    expect(read('a=1; session=abc=d;b=2')).toBe('5:abc=d')
  })

  it('that came twice counts twice, in order', () => {
    expect(read('session=a; session=b')).toBe('1:a1:b')
    expect(read('session=b; session=a')).toBe('1:b1:a')
  })

  it('is not one whose name only ends like it', () => {
    expect(read('mysession=a; x-session=b')).toBeUndefined()
    expect(read('a.b=1', 'a.b')).toBe('1:1')
    expect(read('axb=1', 'a.b')).toBeUndefined()
  })

  it.each([
    ['inside quotes', 'x="a; session=evil"'],
    ['behind a comma', 'x=a,session=evil'],
    ['in other letters', 'Session=evil'],
    ['inside a value', 'x=1&session=evil'],
    ['beside a plain one', 'session=good; x="session=evil"'],
  ])('Cache K5: that some reader could find %s makes the whole field count', (_, field) => {
    expect(read(field)).toBe(`whole:${field}`)
  })
})
