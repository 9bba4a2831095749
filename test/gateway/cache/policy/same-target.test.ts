import { describe, expect, it } from 'vitest'
import { isTarget } from '../../../../gateway/cache/policy/same-target.ts'

const target = 'https://api.example.com/v1/a?b=1'

describe('whether Content-Location names the target', () => {
  it.each([target, 'HTTPS://API.example.com/v1/a?b=1', '/v1/a?b=1'])('yes for %s', (location) => {
    expect(isTarget(location, target)).toBe(true)
  })

  it.each([
    '',
    '/',
    'a?b=1',
    '/v1/A?b=1',
    '/v1/a',
    '/v1/a?b=1#c',
    '//api.example.com/v1/a?b=1',
    'http://api.example.com/v1/a?b=1',
    'https://api.example.com:443/v1/a?b=1',
    'https://api.example.com.evil.example/v1/a?b=1',
    'https://api.example.com/v1/a?B=1',
  ])('no for %j', (location) => {
    expect(isTarget(location, target)).toBe(false)
  })

  it('no for one that begins with a host, though the target has the same text as its path', () => {
    expect(isTarget('//a.example/b', 'https://api.example.com//a.example/b')).toBe(false)
  })

  it('no without one of the two, or with a target that is no URI', () => {
    expect(isTarget(undefined, target)).toBe(false)
    expect(isTarget('/a', undefined)).toBe(false)
    expect(isTarget('/a', '/a')).toBe(false)
    expect(isTarget('https://a', 'https://a')).toBe(false)
  })
})
