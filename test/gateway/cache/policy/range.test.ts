import { describe, expect, it } from 'vitest'
import { slice } from '../../../../gateway/cache/policy/range.ts'
import { date, entry, get, request } from './made.ts'

const stored = entry(['ETag', '"a"', 'Last-Modified', 'Sun, 22 Nov 2026 09:00:00 GMT'])
const of10 = (range: string, ...headers: string[]) => slice(stored, 10, get('Range', range, ...headers))

describe('a range of a stored answer', () => {
  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=2-5', 2, 5],
    ['bytes=9-9', 9, 9],
    ['bytes=3-', 3, 9],
    ['bytes=0-', 0, 9],
    ['bytes=-1', 9, 9],
    ['bytes=-10', 0, 9],
    ['bytes=-99', 0, 9],
    ['bytes=8-99', 8, 9],
    ['bytes=8-99999999999999999999999999', 8, 9],
    ['Bytes=2-5', 2, 5],
    ['bytes= ,2-5,, ', 2, 5],
    ['bytes=002-005', 2, 5],
  ])('Cache G1: %s of 10 bytes is bytes %i to %i', (range, first, last) => {
    expect(of10(range)).toEqual({ kind: 'part', first, last })
  })

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=99999999999999999999999999-', 'bytes=-0'])(
    'Cache G1: %s of 10 bytes cannot be satisfied',
    (range) => {
      expect(of10(range)).toEqual({ kind: 'unsatisfiable' })
    },
  )

  it.each([
    'bytes=5-4',
    'bytes=-',
    'bytes=',
    'bytes',
    'bytes=a-b',
    'bytes=+1-2',
    'bytes=1.5-2',
    'bytes 0-1',
    'bytes =0-1',
    'bytes=0 -1',
    'items=0-1',
    'bytes=0-1,4-5',
    'bytes=0-1,-1',
    '',
  ])('Cache G1: %j is ignored, and the whole is sent', (range) => {
    expect(of10(range)).toEqual({ kind: 'whole' })
  })

  it('Cache G1: two lines of Range are more than one range', () => {
    expect(slice(stored, 10, get('Range', 'bytes=0-1', 'Range', 'bytes=3-4'))).toEqual({ kind: 'whole' })
  })

  it('Cache G1: no byte of an empty answer can be had, but all of it can', () => {
    expect(slice(stored, 0, get('Range', 'bytes=0-'))).toEqual({ kind: 'unsatisfiable' })
    expect(slice(stored, 0, get('Range', 'bytes=-5'))).toEqual({ kind: 'whole' })
  })

  it.each(['HEAD', 'POST', 'get'])('Cache G1: Range means nothing on %s', (method) => {
    expect(slice(stored, 10, request(method, 'Range', 'bytes=0-1'))).toEqual({ kind: 'whole' })
  })

  it.each([203, 404, 301])('Cache G1: Range means nothing to a stored %i', (status) => {
    expect(slice(entry([], { status }), 10, get('Range', 'bytes=0-1'))).toEqual({ kind: 'whole' })
  })
})

describe('If-Range', () => {
  const modified = 'Sun, 22 Nov 2026 09:00:00 GMT'

  it.each([
    ['the same strong tag', '"a"'],
    ['the same date', modified],
    ['the same date in another form', 'Sunday, 22-Nov-26 09:00:00 GMT'],
  ])('Cache G2: %s lets a range be cut', (_, condition) => {
    expect(of10('bytes=0-1', 'If-Range', condition).kind).toBe('part')
  })

  it.each([
    ['another tag', '"b"'],
    ['a weak tag', 'W/"a"'],
    ['a tag without quotes', 'a'],
    ['any tag', '*'],
    ['an earlier date', 'Sun, 22 Nov 2026 08:59:59 GMT'],
    ['a later date', 'Sun, 22 Nov 2026 09:00:01 GMT'],
    ['nothing readable', ''],
  ])('Cache G2: %s gets the whole', (_, condition) => {
    expect(of10('bytes=0-1', 'If-Range', condition)).toEqual({ kind: 'whole' })
    // Though it could not be satisfied.
    expect(of10('bytes=20-', 'If-Range', condition)).toEqual({ kind: 'whole' })
  })

  it('Cache G2: a weak tag in the store lets nothing be cut', () => {
    expect(slice(entry(['ETag', 'W/"a"']), 10, get('Range', 'bytes=0-1', 'If-Range', 'W/"a"'))).toEqual({
      kind: 'whole',
    })
  })

  it('Cache G2: a date within the second of Date may stand for other bytes', () => {
    const justNow = entry(['Last-Modified', date])

    expect(slice(justNow, 10, get('Range', 'bytes=0-1', 'If-Range', date))).toEqual({ kind: 'whole' })
  })

  it('Cache G2: two lines of it are no condition that could hold', () => {
    expect(of10('bytes=0-1', 'If-Range', '"a"', 'If-Range', '"a"')).toEqual({ kind: 'whole' })
  })

  it('Cache G2: without Range it means nothing', () => {
    expect(slice(stored, 10, get('If-Range', '"b"'))).toEqual({ kind: 'whole' })
  })
})

describe('a stored part', () => {
  const part = entry(['ETag', '"a"', 'Content-Range', 'bytes 20-29/100'], {
    status: 206,
    part: { first: 20, last: 29, total: 100 },
  })
  const outside = { kind: 'outside' }
  const asked = (...headers: string[]) => slice(part, 10, get(...headers))

  it.each([
    ['bytes=20-29', 20, 29],
    ['bytes=22-25', 22, 25],
  ])('Cache G3: answers %s, which lies in it', (range, first, last) => {
    expect(asked('Range', range)).toEqual({ kind: 'part', first, last })
  })

  it.each(['bytes=19-25', 'bytes=25-30', 'bytes=0-', 'bytes=20-', 'bytes=-10', 'bytes=0-99'])(
    'Cache G3: does not answer %s, of which it lacks bytes',
    (range) => {
      expect(asked('Range', range)).toEqual(outside)
    },
  )

  it('Cache G3: is never sent as the whole', () => {
    expect(asked()).toEqual(outside)
    expect(asked('Range', 'items=20-29')).toEqual(outside)
    expect(asked('Range', 'bytes=20-21,22-23')).toEqual(outside)
    expect(asked('Range', 'bytes=20-29', 'If-Range', '"b"')).toEqual(outside)
    expect(slice(part, 10, request('HEAD', 'Range', 'bytes=20-29'))).toEqual(outside)
  })

  it('Cache G3: knows where the whole ends', () => {
    const last = entry([], { status: 206, part: { first: 90, last: 99, total: 100 } })

    expect(slice(last, 10, get('Range', 'bytes=-5'))).toEqual({ kind: 'part', first: 95, last: 99 })
    expect(slice(last, 10, get('Range', 'bytes=95-'))).toEqual({ kind: 'part', first: 95, last: 99 })
    expect(slice(last, 10, get('Range', 'bytes=100-'))).toEqual({ kind: 'unsatisfiable' })
  })
})
