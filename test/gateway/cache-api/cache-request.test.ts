import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problem } from '#routes/problem.ts'
import { readFlags, readPrecondition, readTarget, readTtlMs } from '../../../gateway/cache-api/cache-request.ts'

const invalid = expect.objectContaining({ code: 'cache-request-invalid' })

describe('a request of the cache API', () => {
  it('names each key that has bytes, and no two keys alike', () => {
    const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 })
    fc.assert(
      fc.property(key, fc.boolean(), (wanted, withQuery) => {
        const target = `/cache/v1/shop/${encodeURIComponent(wanted)}${withQuery ? '?a=b' : ''}`
        expect(readTarget(target)).toEqual({ namespace: 'shop', key: wanted })
      }),
    )
  })

  it('is answered or refused, and nothing else, whatever the target', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 40 }), (noise) => {
        for (const target of [noise, `/cache/v1/${noise}`, `/cache/v1/shop/${noise}`]) {
          try {
            expect(Buffer.byteLength(readTarget(target).key)).toBeGreaterThan(0)
          } catch (error) {
            expect(error instanceof Problem && error.code).toBe('cache-request-invalid')
          }
        }
      }),
    )
    for (const key of ['%', '%f', '%FF', '%C0%80', '%ED%A0%80', '']) {
      expect(() => readTarget(`/cache/v1/shop/${key}`)).toThrow(invalid)
    }
  })

  it('takes its own header for the time to live before that of HTTP, and none for none', () => {
    expect(readTtlMs({ 'x-tidegate-cache-ttl': '5', 'cache-control': 'max-age=9' })).toBe(5_000)
    expect(readTtlMs({ 'cache-control': 'public, s-maxage=7, max-age=9' })).toBe(9_000)
    expect(readTtlMs({ 'cache-control': 'Max-Age="9"' })).toBe(9_000)
    expect(readTtlMs({ 'cache-control': 'no-transform' })).toBe(-1)
    expect(readTtlMs({})).toBe(-1)
    for (const value of ['0', '-1', '', 'x', '1e3', '999999999999']) {
      expect(() => readTtlMs({ 'x-tidegate-cache-ttl': value })).toThrow(invalid)
    }
  })

  it('keeps 32 bits of flags exactly', () => {
    expect(readFlags({ 'x-tidegate-cache-flags': '4294967295' })).toBe(4294967295)
    expect(() => readFlags({ 'x-tidegate-cache-flags': '-1' })).toThrow(invalid)
  })

  it('reads one entity tag, with all 64 bits of the stamp', () => {
    expect(readPrecondition({ 'if-match': '"18446744073709551615"' }, 'if-match')).toEqual({ stamp: 2n ** 64n - 1n })
    expect(readPrecondition({ 'if-match': '"18446744073709551616"' }, 'if-match')).toBe('nothing')
    expect(readPrecondition({ 'if-match': 'W/"1"' }, 'if-match')).toBe('nothing')
    expect(readPrecondition({ 'if-match': ' * ' }, 'if-match')).toBe('any')
    expect(readPrecondition({}, 'if-match')).toBeUndefined()
    for (const bad of ['1', '"1", "2"', ''])
      expect(() => readPrecondition({ 'if-match': bad }, 'if-match')).toThrow(invalid)
  })
})
