import { describe, expect, it } from 'vitest'
import { evaluate, notModified } from '../../../../gateway/cache/policy/conditional.ts'
import { date, entry, get, nowMs, request } from './made.ts'

const modified = 'Sun, 22 Nov 2026 09:00:00 GMT'
const stored = entry(['ETag', '"a,b"', 'Last-Modified', modified])
const tagged = (...lines: string[]) => evaluate(stored, get(...lines.flatMap((line) => ['If-None-Match', line])))
const since = (entryOf: Parameters<typeof evaluate>[0], text: string) =>
  evaluate(entryOf, get('If-Modified-Since', text))

describe('the condition of a client', () => {
  it('Cache C1: is none, and the whole is sent', () => {
    expect(evaluate(stored, get())).toBe('whole')
  })

  it.each(['"a,b"', 'W/"a,b"', '*', ' * ', '"x", W/"a,b"', '"x","a,b","y"', ',, "a,b" ,'])(
    'Cache C1: If-None-Match: %s names the stored one',
    (line) => {
      expect(tagged(line)).toBe('not-modified')
    },
  )

  it.each(['"a"', '"b"', '"a', 'a,b', '"x", "y"', 'w/"a,b"', '"*"', ''])(
    'Cache C1: If-None-Match: %s does not name it',
    (line) => {
      expect(tagged(line)).toBe('whole')
    },
  )

  it('Cache C1: may stand on several lines', () => {
    expect(tagged('"x"', '"a,b"')).toBe('not-modified')
  })

  it('Cache C1: names a weak tag by a strong one', () => {
    expect(evaluate(entry(['ETag', 'W/"a"']), get('If-None-Match', '"a"'))).toBe('not-modified')
  })

  it('Cache C1: by any tag holds without one; by a certain tag not', () => {
    expect(evaluate(entry(), get('If-None-Match', '*'))).toBe('not-modified')
    expect(evaluate(entry(), get('If-None-Match', '"a"'))).toBe('whole')
  })

  it('Cache C1: by tag goes before the one by date, whatever it says', () => {
    const both = (tag: string) => get('If-Modified-Since', modified, 'If-None-Match', tag)

    expect(evaluate(stored, both('"x"'))).toBe('whole')
    expect(evaluate(stored, both(''))).toBe('whole')
  })

  it('Cache C1: by date holds from Last-Modified on', () => {
    expect(since(stored, 'Sun, 22 Nov 2026 08:59:59 GMT')).toBe('whole')
    expect(since(stored, modified)).toBe('not-modified')
    expect(since(stored, 'Sunday, 22-Nov-26 09:00:01 GMT')).toBe('not-modified')
  })

  it('Cache C1: by date is compared with Date, else with the time of receipt, where there is no Last-Modified', () => {
    const dated = entry([], { responseMs: nowMs + 2_000 })
    const undated = entry([], { headers: ['Date', 'now', 'Last-Modified', 'then'], responseMs: nowMs })

    expect(since(dated, 'Sun, 22 Nov 2026 09:59:59 GMT')).toBe('whole')
    expect(since(dated, date)).toBe('not-modified')
    expect(since(undated, 'Sun, 22 Nov 2026 09:59:59 GMT')).toBe('whole')
    expect(since(undated, date)).toBe('not-modified')
  })

  it.each(['now', '0', '2026-11-22T10:00:00Z', 'Sun, 22 Nov 2026 10:00:00 UTC'])(
    'Cache C1: by %s, which is no date, is ignored',
    (text) => {
      expect(since(stored, text)).toBe('whole')
    },
  )

  it('Cache C1: by two dates is ignored', () => {
    expect(evaluate(stored, get('If-Modified-Since', date, 'If-Modified-Since', date))).toBe('whole')
  })

  it('Cache C1: counts on GET and HEAD only', () => {
    expect(evaluate(stored, request('HEAD', 'If-None-Match', '*'))).toBe('not-modified')
    expect(evaluate(stored, request('POST', 'If-None-Match', '*'))).toBe('whole')
    expect(evaluate(stored, request('POST', 'If-Modified-Since', date))).toBe('whole')
  })

  it.each([203, 301, 404, 500])('Cache C1: means nothing to a stored %i', (status) => {
    expect(evaluate(entry(['ETag', '"a"'], { status }), get('If-None-Match', '"a"'))).toBe('whole')
  })

  it('Cache G2: is evaluated before a range is cut, also of a stored part', () => {
    const part = entry(['ETag', '"a"'], { status: 206, part: { first: 0, last: 9, total: 100 } })

    expect(evaluate(stored, get('If-None-Match', '*', 'Range', 'bytes=0-0'))).toBe('not-modified')
    expect(evaluate(part, get('If-None-Match', '"a"', 'Range', 'bytes=0-0'))).toBe('not-modified')
  })
})

describe('a 304 from the store', () => {
  const full = entry([
    'Content-Type',
    'text/plain',
    'content-length',
    '5',
    'ETag',
    '"a"',
    'Cache-Control',
    'max-age=1',
    'X-Own',
    'x',
    'Cache-Control',
    'public',
    'Expires',
    date,
    'Vary',
    'Accept',
    'Content-Location',
    '/a',
    'Last-Modified',
    modified,
    'Set-Cookie',
    'a=b',
  ])

  it('Cache C2: has what caches need, every line of it, and nothing that tells of a body', () => {
    expect(notModified(full, ['age', '3'])).toEqual([
      'Date',
      date,
      'ETag',
      '"a"',
      'Cache-Control',
      'max-age=1',
      'Cache-Control',
      'public',
      'Expires',
      date,
      'Vary',
      'Accept',
      'Content-Location',
      '/a',
      'age',
      '3',
    ])
  })

  it('Cache C2: has Last-Modified where there is no tag', () => {
    expect(notModified(entry(['Last-Modified', modified, 'Content-Type', 'a/b']), [])).toEqual([
      'Date',
      date,
      'Last-Modified',
      modified,
    ])
  })
})
