import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problem } from '#routes/problem.ts'
import { byteText } from '../../../gateway/cache/byte-text.ts'
import { declaredTag } from '../../../gateway/cache/tag-names.ts'
import {
  isKnown,
  readCondition,
  readDelete,
  readFlags,
  readLife,
  readPostTarget,
  readPrepend,
  readPut,
  readTarget,
} from '../../../gateway/cache-api/cache-request.ts'

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

  it('starts the verb of a POST at the last colon, and knows which verbs are of a key', () => {
    expect(readPostTarget('/cache/v1/shop/a:b:incr?x=1')).toEqual({ verb: 'incr', namespace: 'shop', key: 'a:b' })
    expect(readPostTarget('/cache/v1/shop/a%3Aincr:lease')).toEqual({ verb: 'lease', namespace: 'shop', key: 'a:incr' })
    expect(readPostTarget('/cache/v1/shop/a/../b:append')).toEqual({ verb: 'append', namespace: 'shop', key: 'a/../b' })
    expect(readPostTarget('/cache/v1/shop:batch')).toEqual({ verb: 'batch', namespace: 'shop' })
    expect(readPostTarget('/cache/v1/shop:invalidate')).toEqual({ verb: 'invalidate', namespace: 'shop' })
    for (const target of [
      'shop/a',
      'shop/a:',
      'shop/a:drop',
      'shop/:incr',
      'shop:incr',
      'shop/a:batch',
      'SHOP/a:incr',
      ':batch',
      'shop:touch/a',
    ])
      expect(() => readPostTarget(`/cache/v1/${target}`), target).toThrow(invalid)
  })

  it('takes its own header for the time to live before that of HTTP, and none for none', () => {
    const ttl = (headers: Record<string, string>) => readLife(headers).ttlMs
    expect(ttl({ 'x-tidegate-cache-ttl': '5', 'cache-control': 'max-age=9' })).toBe(5_000)
    expect(ttl({ 'cache-control': 'public, s-maxage=7, max-age=9' })).toBe(9_000)
    expect(ttl({ 'cache-control': 'Max-Age="9"' })).toBe(9_000)
    expect(ttl({ 'cache-control': 'no-transform' })).toBe(-1)
    expect(ttl({})).toBe(-1)
    for (const value of ['0', '-1', '', 'x', '1e3', '999999999999', '5, 5', ' 5', '0x9', '٣']) {
      expect(() => readLife({ 'x-tidegate-cache-ttl': value }), value).toThrow(invalid)
    }
  })

  it('takes the time for which a value is of use as stale from cache-control', () => {
    const swr = 'stale-while-revalidate'
    expect(readLife({ 'cache-control': `max-age=9, ${swr}=30` })).toEqual({ ttlMs: 9_000, staleMs: 30_000 })
    expect(readLife({ 'x-tidegate-cache-ttl': '5', 'cache-control': `${swr}=1` })).toEqual({
      ttlMs: 5_000,
      staleMs: 1_000,
    })
    expect(readLife({ 'cache-control': `max-age=9, ${swr}=0` }).staleMs).toBe(0)
    // It has no end after which it could be stale.
    expect(readLife({ 'cache-control': `${swr}=30` })).toEqual({ ttlMs: -1, staleMs: 0 })
    for (const value of ['', '-1', 'x', '86401']) {
      expect(() => readLife({ 'cache-control': `max-age=9, ${swr}=${value}` }), value).toThrow(invalid)
    }
  })

  it('keeps 32 bits of flags exactly', () => {
    expect(readFlags({ 'x-tidegate-cache-flags': '4294967295' })).toBe(4294967295)
    for (const flags of ['-1', '4294967296', '1.5', '', '1e2']) {
      expect(() => readFlags({ 'x-tidegate-cache-flags': flags }), flags).toThrow(invalid)
    }
  })

  it('reads one entity tag, with all 64 bits of the stamp', () => {
    const match = (text: string) => readCondition({ 'if-match': text }, 'if-match')
    expect(match('"18446744073709551615"')).toEqual({ kind: 'same', unique: 2n ** 64n - 1n })
    expect(match('"18446744073709551616"')).toEqual({ kind: 'never' })
    expect(match('W/"1"')).toEqual({ kind: 'never' })
    expect(match(' * ')).toEqual({ kind: 'present' })
    expect(readCondition({}, 'if-match')).toEqual({ kind: 'always' })
    for (const bad of ['1', '"1", "2"', '']) expect(() => match(bad), bad).toThrow(invalid)
  })

  it('knows a value by any tag of a list, weak or not', () => {
    for (const tags of ['"7"', 'W/"7"', '"1", W/"7"', '*'])
      expect(isKnown({ 'if-none-match': tags }, 7n), tags).toBe(true)
    for (const tags of ['"1"', '7', '"7', '']) expect(isKnown({ 'if-none-match': tags }, 7n), tags).toBe(false)
    expect(isKnown({}, 7n)).toBe(false)
  })

  it('takes one condition', () => {
    const when = (headers: Record<string, string>) => readPut('k', headers, Buffer.from('')).when
    const [match, none, lease] = ['if-match', 'if-none-match', 'x-tidegate-cache-lease'] as const

    expect(when({ [none]: '*' })).toEqual({ kind: 'absent' })
    expect(when({ [lease]: '12' })).toEqual({ kind: 'leased', token: 12n })
    for (const headers of [
      { [match]: '*', [none]: '*' },
      { [match]: '"1"', [lease]: '1' },
      { [none]: '*', [lease]: '1' },
      { [none]: '"1"' },
      { [lease]: '-1' },
      { [lease]: '18446744073709551616' },
      { [lease]: '1, 1' },
    ])
      expect(() => when(headers), JSON.stringify(headers)).toThrow(invalid)
  })

  it('keeps types and codings that can be sent as headers again', () => {
    const put = (headers: Record<string, string>) => readPut('k', headers, Buffer.from(''))
    expect(put({ 'content-type': 'a/b; c="d"', 'content-encoding': 'br, gzip' })).toMatchObject({
      contentType: 'a/b; c="d"',
      contentEncoding: 'br, gzip',
    })
    expect(put({ 'content-encoding': 'Identity' })).not.toHaveProperty('contentEncoding')
    for (const [name, value] of [
      ['content-type', 'a/b\r\nset-cookie: x'],
      ['content-type', `a/${'b'.repeat(300)}`],
      ['content-encoding', 'gz ip'],
      ['content-encoding', 'x'.repeat(65)],
    ] as const)
      expect(() => put({ [name]: value }), value).toThrow(invalid)
  })

  it('knows tags by what an invalidation of the same words finds', () => {
    const tags = (text: string) => readPut('k', { 'x-tidegate-cache-tags': text }, Buffer.from('')).tags
    // As a header comes: bytes of UTF-8, one character each.
    const bytes = (text: string) => Buffer.from(text).toString('latin1')

    expect(tags(bytes('order:1, größe,order:1 , voilà'))).toEqual([
      declaredTag('order:1'),
      declaredTag(byteText('größe')),
      // Its last byte is what Unicode calls a space.
      declaredTag(byteText('voilà')),
    ])
    expect(tags('')).toEqual([])
    for (const text of ['a,,b', 'x'.repeat(3000), Array.from({ length: 65 }, (_, at) => at).join()]) {
      expect(() => tags(text), text.slice(0, 20)).toThrow(invalid)
    }
  })

  it('does not take a misspelt parameter for none', () => {
    const softly = (query: string) => readDelete('k', `/cache/v1/shop/k${query}`, {})
    expect(softly('?soft=30')).toEqual({ op: 'delete', key: 'k', softMs: 30_000, when: { kind: 'always' } })
    expect(softly('')).not.toHaveProperty('softMs')
    for (const query of ['?sotf=30', '?soft=', '?soft=0', '?soft=-1', '?soft=86401', '?soft=1&soft=2', '?soft=1e1'])
      expect(() => softly(query), query).toThrow(invalid)
    expect(readPrepend('/k:append?prepend=1')).toBe(true)
    expect(readPrepend('/k:append')).toBe(false)
    for (const query of ['?prepend=true', '?prepend', '?append=1'])
      expect(() => readPrepend(`/k:append${query}`), query).toThrow(invalid)
  })
})
