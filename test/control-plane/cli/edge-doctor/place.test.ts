import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { placeOf, urlOf } from '../../../../control-plane/cli/edge-doctor/place.ts'

describe('where an edge is asked', () => {
  it('is its host by https, or the address that is named, still as that host', () => {
    expect(placeOf({ host: 'api.example.com' }, '.')).toMatchObject({
      url: new URL('https://api.example.com'),
      host: 'api.example.com',
    })
    expect(placeOf({ host: 'api.example.com', url: 'http://127.0.0.1:17080' }, '.')).toMatchObject({
      url: new URL('http://127.0.0.1:17080'),
      host: 'api.example.com',
    })
    expect(placeOf({ url: 'http://127.0.0.1:17080' }, '.').host).toBe('127.0.0.1:17080')
  })

  it('is no path, no other protocol, and no host that could end a line', () => {
    for (const text of ['ftp://a', 'https://a/b', 'https://a?b', 'a'])
      expect(() => urlOf(text)).toThrow('is not the URL of a server')
    for (const host of ['a\r\nX: y', 'a b', '', 'a:99999999'])
      expect(() => placeOf({ host }, '.')).toThrow('is no host name')
  })

  it('trusts the named authorities beside the known ones', () => {
    expect(placeOf({ host: 'a', ca: 'package.json' }, '.').ca).toContain(readFileSync('package.json', 'utf8'))
    expect(placeOf({ host: 'a', ca: 'package.json' }, '.').ca?.split('BEGIN CERTIFICATE').length).toBeGreaterThan(50)
    expect(() => placeOf({ host: 'a', ca: 'not-there.pem' }, '.')).toThrow('cannot be read')
  })
})
