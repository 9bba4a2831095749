import { describe, expect, it } from 'vitest'
import { invalidated } from '../../../../gateway/cache/policy/invalidates.ts'
import { response } from './made.ts'

const target = 'https://api.example.com/v1/orders?a=1'
const nothing = { uris: [], groups: [] }
const by = (method: string, status: number, ...headers: string[]) =>
  invalidated(method, target, response(status, ...headers))
const uris = (...headers: string[]) => by('POST', 201, ...headers).uris.slice(1)

describe('what an answer makes untrue', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'PURGE', 'BREW', 'get'])('Cache N1: %s: its target', (method) => {
    expect(by(method, 200)).toEqual({ uris: [target], groups: [] })
  })

  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])('Cache N1: %s: nothing', (method) => {
    expect(by(method, 200, 'Location', '/a', 'Cache-Group-Invalidation', '"g"')).toEqual(nothing)
  })

  it.each([200, 201, 204, 299, 301, 303, 399])('Cache N1: with %i the target', (status) => {
    expect(by('POST', status).uris).toEqual([target])
  })

  it.each([100, 103, 400, 404, 409, 500, 503, 999])('Cache N1: with %i nothing', (status) => {
    expect(by('POST', status, 'Location', '/v1/orders/1')).toEqual(nothing)
  })

  it('Cache N1: what Location and Content-Location name, against the target', () => {
    expect(uris('LOCATION', 'orders/7?x=y', 'content-location', '//API.example.com:443/v1/orders/8#part')).toEqual([
      'https://api.example.com/v1/orders/7?x=y',
      'https://api.example.com/v1/orders/8',
    ])
    expect(uris('Location', '?b=2', 'Location', 'https://api.example.com/')).toEqual([
      'https://api.example.com/v1/orders?b=2',
      'https://api.example.com/',
    ])
  })

  it('Cache N1: each once', () => {
    expect(uris('Location', '/a', 'Content-Location', '/a', 'Location', target)).toEqual(['https://api.example.com/a'])
  })

  it.each([
    'https://evil.example.com/v1/orders/1',
    'http://api.example.com/v1/orders/1',
    'https://api.example.com:8443/v1/orders/1',
    '//evil.example.com/x',
    '\\\\evil.example.com\\x',
    'https://api.example.com@evil.example.com/',
    'javascript:alert(1)',
    'data:,x',
    'https://[x',
    'https://',
  ])('Cache N1: nothing of another origin, as by %s', (location) => {
    expect(uris('Location', location)).toEqual([])
  })

  it('Cache N1: no user and no fragment is part of what was cached', () => {
    expect(uris('Location', 'https://me:secret@api.example.com/a#b')).toEqual(['https://api.example.com/a'])
  })

  it('Cache N1: bytes beyond ASCII are named as a client asks for them', () => {
    expect(uris('Location', Buffer.from('/café', 'utf8').toString('latin1'))).toEqual([
      'https://api.example.com/caf%C3%A9',
    ])
  })

  it('Cache N1: a target that no URL can be made of, all the same', () => {
    const odd = 'https://[odd/x'

    expect(invalidated('POST', odd, response(200, 'Location', 'https://api.example.com/'))).toEqual({
      uris: [odd],
      groups: [],
    })
  })

  it('Cache N1: with a bound on what is read', () => {
    const many = Array.from({ length: 100 }, (_, at) => ['Location', `/${at}`]).flat()

    expect(uris(...many)).toHaveLength(8)
    expect(uris('Location', `/${'x'.repeat(20_000)}`)).toEqual([])
  })
})

describe('groups that an answer invalidates', () => {
  const groups = (method: string, status: number, ...lines: string[]) =>
    by(method, status, ...lines.flatMap((line) => ['Cache-Group-Invalidation', line])).groups

  it('Cache N5: are strings, whatever stands beside them, case-sensitive', () => {
    expect(groups('POST', 200, '"a", "A";x=1', '"b c"')).toEqual(['a', 'A', 'b c'])
  })

  it.each([200, 303, 404, 500])('Cache N5: count with status %i', (status) => {
    expect(groups('DELETE', status, '"a"')).toEqual(['a'])
  })

  it.each(['GET', 'HEAD', 'OPTIONS', 'QUERY'])('Cache N5: do not count on %s', (method) => {
    expect(groups(method, 200, '"a"')).toEqual([])
  })

  it('Cache N5: do not count on an interim answer', () => {
    expect(groups('POST', 103, '"a"')).toEqual([])
  })

  it.each(['a', '"a", b', '"a', '"a" "b"', '("a")', ''])('Cache N5: %j is no list of strings', (line) => {
    expect(groups('POST', 200, line)).toEqual([])
  })
})
