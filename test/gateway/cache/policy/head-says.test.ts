import { describe, expect, it } from 'vitest'
import { headSays } from '../../../../gateway/cache/policy/head-says.ts'
import { entry, response } from './made.ts'

const modified = 'Sun, 22 Nov 2026 09:00:00 GMT'
const stored = entry(['ETag', '"a"', 'Last-Modified', modified, 'Content-Length', '5'])
const said = (...headers: string[]) => headSays(stored, response(200, ...headers))

describe('the 200 to a HEAD', () => {
  it('Cache HD1: that says the same of what it says is about the stored answer', () => {
    expect(said('etag', '"a"', 'last-modified', modified, 'content-length', '5')).toBe('same')
    expect(said('ETag', '"a"')).toBe('same')
    expect(said('Cache-Control', 'max-age=5')).toBe('same')
  })

  it.each([
    ['another tag', 'ETag', '"b"'],
    ['a weak tag in place of a strong one', 'ETag', 'W/"a"'],
    ['another date', 'Last-Modified', 'Sun, 22 Nov 2026 09:00:01 GMT'],
    ['another length', 'Content-Length', '6'],
  ])('Cache HD1: with %s tells that the stored answer is stale', (_, name, value) => {
    const other = ['ETag', '"a"', 'Last-Modified', modified, 'Content-Length', '5'].with(
      ['ETag', 'Last-Modified', 'Content-Length'].indexOf(name) * 2 + 1,
      value,
    )

    expect(said(...other)).toBe('changed')
    expect(said(name, value)).toBe('changed')
  })

  it('Cache HD1: with a validator that the stored answer lacks is about another one', () => {
    expect(headSays(entry(), response(200, 'ETag', '"a"'))).toBe('changed')
    expect(headSays(entry(), response(200, 'Last-Modified', modified))).toBe('changed')
  })

  it('Cache HD1: has nothing to compare its length with where the stored answer came in chunks', () => {
    expect(headSays(entry(['ETag', '"a"']), response(200, 'ETag', '"a"', 'Content-Length', '5'))).toBe('same')
  })

  it('Cache HD1: tells the length of the whole, also beside a stored part', () => {
    const part = entry(['ETag', '"a"', 'Content-Length', '10'], { part: { first: 0, last: 9, total: 100 } })

    expect(headSays(part, response(200, 'Content-Length', '100'))).toBe('same')
    expect(headSays(part, response(200, 'Content-Length', '10'))).toBe('changed')
  })
})
