import { describe, expect, it } from 'vitest'
import { readRequest } from '../../../../gateway/cache/policy/request-directives.ts'
import { get } from './made.ts'

const said = (...lines: string[]) => readRequest(get(...lines.flatMap((line) => ['Cache-Control', line])), true)
const nothing = readRequest(get(), true)

describe('what a request says of the answers that it takes', () => {
  it.each([
    ['no-cache', { validate: true }],
    ['No-Cache', { validate: true }],
    ['no-store', { noStore: true }],
    ['only-if-cached', { onlyIfCached: true }],
    ['max-age=5', { maxAgeS: 5, refusesStale: true }],
    ['max-age="5"', { maxAgeS: 5, refusesStale: true }],
    ['max-age=0', { maxAgeS: 0, validate: true, refusesStale: true }],
    ['min-fresh=5', { minFreshS: 5, refusesStale: true }],
    ['max-stale=5', { maxStaleS: 5 }],
    ['max-stale=0', { maxStaleS: 0 }],
    ['max-stale', { maxStaleS: Number.POSITIVE_INFINITY }],
    ['max-age=5, max-stale=7', { maxAgeS: 5, maxStaleS: 7 }],
    ['stale-if-error=9', { staleIfErrorS: 9 }],
    ['x="no-cache", y', {}],
  ])('Cache Q1: %s', (line, facts) => {
    expect(said(line)).toEqual({ ...nothing, ...facts })
  })

  it.each([
    ['max-age=soon', { maxAgeS: 0, validate: true, refusesStale: true }],
    ['max-age', { maxAgeS: 0, validate: true, refusesStale: true }],
    ['max-age=5, max-age=6', { maxAgeS: 0, validate: true, refusesStale: true }],
    ['min-fresh=1.5', {}],
    ['min-fresh', {}],
    ['max-stale=-1', {}],
    ['max-stale=1, max-stale', {}],
    ['max-stale, max-stale=1', {}],
    ['stale-if-error=x', {}],
  ])('Cache Q1: %s has no number that can be read', (line, facts) => {
    expect(said(line)).toEqual({ ...nothing, ...facts })
  })

  it('Cache Q1: several lines are one field', () => {
    expect(said('no-store', 'max-stale=3')).toMatchObject({ noStore: true, maxStaleS: 3 })
  })

  it('Cache Q1: Pragma stands for an absent Cache-Control, and not beside one', () => {
    expect(readRequest(get('Pragma', 'x, No-Cache'), true)).toEqual({ ...nothing, validate: true })
    expect(readRequest(get('Pragma', 'no-store'), true)).toEqual(nothing)
    expect(readRequest(get('Pragma', 'no-cache', 'Cache-Control', 'max-stale=1'), true).validate).toBe(false)
  })

  it('Cache Q1: from a caller who may not direct, only no-store counts', () => {
    const all = 'no-cache, max-age=0, min-fresh=5, max-stale, only-if-cached, stale-if-error=9'

    expect(readRequest(get('Cache-Control', all), false)).toEqual(nothing)
    expect(readRequest(get('Pragma', 'no-cache'), false)).toEqual(nothing)
    expect(readRequest(get('Cache-Control', `${all}, no-store`), false)).toEqual({ ...nothing, noStore: true })
  })

  it('costs no object where a request says nothing', () => {
    expect(readRequest(get('Accept', '*/*'), true)).toBe(readRequest(get(), false))
  })
})
