import { describe, expect, it } from 'vitest'
import type { Entry } from '../../../../gateway/cache/policy/entry.ts'
import { freshen } from '../../../../gateway/cache/policy/freshen.ts'
import { ageS } from '../../../../gateway/cache/policy/freshness.ts'
import { toEntry } from '../../../../gateway/cache/policy/storable.ts'
import { anybody, date, get, later, request, response, rules, times } from './made.ts'

const asked = get()
const laterDate = 'Sun, 22 Nov 2026 10:01:40 GMT'
/** The 304 comes 100 s after the answer was stored. */
const laterTimes = { requestMs: later(100), responseMs: later(100) }

function stored(...headers: string[]): Entry {
  const judged = toEntry(asked, response(200, 'Date', date, ...headers), rules, anybody, times)
  if (judged.kind === 'refused') throw new Error(judged.because)
  return judged.entry
}

const plain = stored('Cache-Control', 'max-age=10', 'ETag', '"a"', 'X-One', '1', 'Content-Type', 'text/plain')

const freshened = (entry: Entry, ...headers: string[]) =>
  freshen(entry, asked, response(304, ...headers), rules, anybody, laterTimes)
const kept = (entry: Entry, ...headers: string[]): Entry => {
  const result = freshened(entry, ...headers)
  if (result.kind !== 'entry') throw new Error(result.because)
  return result.entry
}
const valuesOf = (entry: Entry, name: string): string[] =>
  entry.headers.filter((_, at) => at % 2 === 1 && entry.headers[at - 1]?.toLowerCase() === name)

describe('an entry that still holds', () => {
  it('Cache C6: is fresh again, by its own words', () => {
    const entry = kept(plain, 'Date', laterDate)

    expect(entry).toMatchObject({ status: 200, reason: 'OK', responseMs: later(100) })
    expect(entry.freshness).toMatchObject({ lifetimeS: 10, initialAgeS: 0 })
    expect(valuesOf(entry, 'content-type')).toEqual(['text/plain'])
  })

  it('Cache C6: has, name by name, all lines of the 304 in the place of all stored ones', () => {
    const many = stored('Cache-Control', 'max-age=10', 'x-one', '1', 'X-Two', '2', 'X-One', '1b')
    const entry = kept(many, 'X-ONE', '3', 'X-One', '4', 'X-Three', '5', 'Date', laterDate)

    expect(entry.headers).toEqual([
      ...['Cache-Control', 'max-age=10', 'X-Two', '2'],
      ...['X-ONE', '3', 'X-One', '4', 'X-Three', '5', 'Date', laterDate],
    ])
  })

  it.each(['Content-Length', 'Content-Encoding', 'Content-Range', 'Keep-Alive', 'Transfer-Encoding', 'Age'])(
    'Cache C6: takes no %s from the 304',
    (name) => {
      const own = stored('Cache-Control', 'max-age=10', 'Content-Length', '5', 'Content-Encoding', 'br')
      const entry = kept(own, name, '0', 'Date', laterDate)

      expect(valuesOf(entry, 'content-length')).toEqual(['5'])
      expect(valuesOf(entry, 'content-encoding')).toEqual(['br'])
      expect(valuesOf(entry, name.toLowerCase())).not.toContain('0')
    },
  )

  it('Cache C6: keeps its own line where that of the 304 was for one connection', () => {
    expect(valuesOf(kept(plain, 'Connection', 'x-one', 'X-One', '2'), 'x-one')).toEqual(['1'])
  })

  it('Cache C6: is found out anew: lifetime, age, Vary, tags', () => {
    const entry = kept(
      plain,
      ...['Cache-Control', 'max-age=77, stale-if-error=5', 'Age', '7', 'Date', laterDate],
      ...['Vary', 'Accept', 'Surrogate-Key', 'one'],
    )

    expect(entry.freshness).toMatchObject({ lifetimeS: 77, initialAgeS: 7, staleIfErrorS: 5 })
    expect(entry).toMatchObject({ vary: ['accept'], tags: ['t:one'] })
  })

  it('Cache C6: counts its age from the 304, also where that has no Date', () => {
    const entry = kept(plain)

    expect(valuesOf(entry, 'date')).toEqual([laterDate])
    expect(ageS(entry, later(103))).toBe(3)
  })

  it('Cache C6: freshened twice is freshened once', () => {
    const answer = ['ETag', '"a"', 'X-One', '9', 'Vary', 'B', 'Age', '3']

    expect(kept(kept(plain, ...answer), ...answer)).toEqual(kept(plain, ...answer))
  })

  it('Cache C6: does not change what was stored', () => {
    const before = structuredClone(plain)
    freshened(plain, 'X-One', '2')

    expect(plain).toEqual(before)
  })

  it.each([
    ['no-store', 'no-store'],
    ['private', 'private'],
    ['private, max-age=60', 'private'],
  ])('Cache C6: answers who asked and goes, when the 304 says %s', (line, because) => {
    expect(freshened(plain, 'Cache-Control', line, 'X-One', '2')).toMatchObject({
      kind: 'serve-only',
      because,
      stored: 'goes',
      entry: { status: 200, responseMs: later(100), headers: expect.arrayContaining(['X-One', '2', 'ETag', '"a"']) },
    })
  })

  it.each([
    ['Vary', '*', 'vary-any'],
    ['Set-Cookie', 'a=b', 'set-cookie'],
    ['Connection', 'cache-control', 'connection-names'],
  ])('Cache C6: goes when the 304 has %s: %s', (name, value, because) => {
    expect(freshened(plain, name, value)).toMatchObject({ kind: 'serve-only', because, stored: 'goes' })
  })

  it('Cache C6: has the age of the 304 when it is only served', () => {
    const result = freshened(plain, 'Cache-Control', 'no-store', 'Age', '7')

    expect(ageS(result.entry, later(101))).toBe(8)
    expect(valuesOf(result.entry, 'age')).toEqual([])
  })

  it('Cache Q1: stays as it was when only the request did not want its answer stored', () => {
    const noStore = get('Cache-Control', 'no-store')

    expect(freshen(plain, noStore, response(304), rules, anybody, laterTimes)).toMatchObject({
      kind: 'serve-only',
      because: 'request-no-store',
      stored: 'stays',
    })
  })

  it('Cache AU1: is not renewed by what was said to a known caller, and goes if that took the permission back', () => {
    const known = { ...anybody, authenticated: true }
    const shared = stored('Cache-Control', 'public, max-age=10', 'ETag', '"a"')
    const by = (entry: Entry, ...headers: string[]) =>
      freshen(entry, asked, response(304, ...headers), rules, known, laterTimes)

    expect(by(shared)).toMatchObject({ kind: 'entry' })
    expect(by(plain)).toMatchObject({ because: 'authorization', stored: 'stays' })
    expect(by(shared, 'Cache-Control', 'max-age=10')).toMatchObject({ because: 'authorization', stored: 'goes' })
  })

  it('Cache S6: is kept without the fields that are private to who asked, who gets them', () => {
    const result = freshened(plain, 'Cache-Control', 'private="x-one", max-age=10', 'X-One', 'yours')

    expect(result.kind === 'entry' && valuesOf(result.entry, 'x-one')).toEqual([])
    expect(result.kind === 'entry' && result.headers).toEqual(expect.arrayContaining(['X-One', 'yours']))
  })

  it('Cache HD1: is renewed by the 200 to a HEAD as by a 304', () => {
    const answer = response(200, 'ETag', '"a"', 'Content-Length', '5', 'Date', laterDate)
    const result = freshen(plain, request('HEAD'), answer, rules, anybody, laterTimes)

    expect(result).toMatchObject({ kind: 'entry', entry: { freshness: { lifetimeS: 10, initialAgeS: 0 } } })
    expect(valuesOf(result.entry, 'content-length')).toEqual([])
  })

  it('Cache G3: stays a part of the same whole', () => {
    const judged = toEntry(
      asked,
      response(206, 'Cache-Control', 'max-age=10', 'ETag', '"a"', 'Content-Range', 'bytes 0-4/10', 'Date', date),
      rules,
      anybody,
      times,
    )
    const part = judged.kind === 'entry' ? judged.entry : undefined

    expect(part).toMatchObject({ status: 206 })
    expect(part && kept(part, 'ETag', '"a"', 'Content-Range', 'bytes 5-9/10')).toMatchObject({
      part: { first: 0, last: 4, total: 10 },
    })
    expect(part && freshened(part, 'ETag', 'W/"a"')).toMatchObject({ kind: 'serve-only', stored: 'goes' })
  })
})
