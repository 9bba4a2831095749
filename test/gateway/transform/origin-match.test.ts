import { describe, expect, it } from 'vitest'
import { allowedOrigins } from '../../../gateway/transform/origin-match.ts'

const origins = allowedOrigins(['https://Shop.example.com', 'https://*.example.com', 'http://*.local:8080'])

describe('an origin', () => {
  it.each(['https://shop.example.com', 'https://a.example.com', 'https://a.b-c.example.com', 'http://dev.local:8080'])(
    '%s is allowed',
    (origin) => {
      expect(origins.allows(origin)).toBe(true)
    },
  )

  it.each([
    'null',
    'https://example.com',
    'https://.example.com',
    'https://evil.test/.example.com',
    'https://evil.test#.example.com',
    'https://user@x.example.com',
    'https://evil.test:443.example.com',
    'https://a.example.com:444',
    'https://a.example.com.evil.test',
    'https://aexample.com',
    'http://a.example.com',
    'http://dev.local',
    'https://a..example.com',
    '',
  ])('%s is not', (origin) => {
    expect(origins.allows(origin)).toBe(false)
  })

  it('is any but null under *', () => {
    const any = allowedOrigins(['*'])

    expect([any.allows('https://a.test'), any.allows('null')]).toEqual([true, false])
  })
})
