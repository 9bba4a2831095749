import { describe, expect, it } from 'vitest'
import type { KeySource } from '#routes/placement.ts'
import { stickyKey } from '#routes/sticky-key.ts'
import { request } from '../support/tables.ts'

const key = (source: KeySource, headers: Record<string, string> = {}, parameters: Record<string, string> = {}) =>
  stickyKey(source, request('GET', '/', headers), () => parameters)
const jwt = (payload: string) => `Bearer h.${Buffer.from(payload).toString('base64url')}.s`

describe('a sticky key', () => {
  it('is read from each source', () => {
    expect(key('header:x-device-id', { 'x-device-id': '42' })).toBe('42')
    expect(key('cookie:sid', { cookie: 'a=1; sid=s9; b=2' })).toBe('s9')
    expect(key('authorization', { authorization: 'Bearer abc' })).toBe('abc')
    expect(key('claim:sub', { authorization: jwt('{"sub":"u7"}') })).toBe('u7')
    expect(key('claim:sub', { authorization: jwt('{"sub":7}') })).toBe('7')
    expect(key('param:id', {}, { id: '9' })).toBe('9')
    expect(stickyKey('address', { ...request('GET', '/'), address: '203.0.113.9' }, () => ({}))).toBe('203.0.113.9')
  })

  it('is one key however the scheme is written and cookies are joined', () => {
    expect(key('authorization', { authorization: 'bearer  abc' })).toBe('abc')
    expect(key('cookie:sid', { cookie: 'a=1, sid=s9' })).toBe('s9')
  })

  it.each(['', 'a,b', 'a b', 'a\tb', 'é', 'x'.repeat(257), '\x7f'])('counts %j as absent', (value) => {
    expect(key('header:x-device-id', { 'x-device-id': value })).toBeUndefined()
  })

  it('takes values up to 256 bytes', () => {
    expect(key('header:x-device-id', { 'x-device-id': 'x'.repeat(256) })).toHaveLength(256)
  })

  it('is absent for a token that is no JWT, or whose claim is none of a string or number', () => {
    for (const authorization of [
      'Bearer opaque',
      'Bearer a.!.c',
      jwt('[]'),
      jwt('null'),
      jwt('{"sub":{}}'),
      jwt('{'),
    ]) {
      expect(key('claim:sub', { authorization })).toBeUndefined()
    }
    expect(key('claim:toString', { authorization: jwt('{}') })).toBeUndefined()
  })
})
