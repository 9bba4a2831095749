import { describe, expect, it } from 'vitest'
import { keepMs } from '../../../gateway/cache/keep-time.ts'
import { entryOf } from './entries.ts'

const atMs = Date.UTC(2026, 0, 1)
const tagged = { headers: ['ETag', '"a"'] }

describe('how long the store keeps an answer', () => {
  it('is what is left of its freshness, less what passed since', () => {
    expect(keepMs(entryOf(), atMs)).toBe(60_000)
    expect(keepMs(entryOf({}, { initialAgeS: 20 }), atMs + 10_000)).toBe(30_000)
  })

  it('is longer by the longest window in which it may serve stale', () => {
    expect(keepMs(entryOf({}, { staleWhileRevalidateS: 30, staleIfErrorS: 100 }), atMs)).toBe(160_000)
  })

  it('has room for being validated: as long again, at least a minute, at most a day', () => {
    expect(keepMs(entryOf(tagged, { lifetimeS: 300 }), atMs)).toBe(600_000)
    expect(keepMs(entryOf(tagged, { lifetimeS: 0, validateAlways: true }), atMs)).toBe(60_000)
    expect(keepMs(entryOf(tagged, { lifetimeS: 200_000 }), atMs)).toBe((200_000 + 86_400) * 1_000)
    expect(keepMs(entryOf({ headers: ['Last-Modified', 'x'] }, { lifetimeS: 300 }), atMs)).toBe(600_000)
  })

  it('is never beyond thirty days, which a node would take as a date', () => {
    expect(keepMs(entryOf({}, { lifetimeS: 2 ** 31 }), atMs)).toBe(30 * 24 * 3_600 * 1_000)
  })

  it('is nothing for what no request could use', () => {
    expect(keepMs(entryOf({}, { lifetimeS: 0 }), atMs)).toBe(0)
    expect(keepMs(entryOf({}, { initialAgeS: 61 }), atMs)).toBe(0)
  })

  it('Cache E1: is no longer than its lifetime for a failure', () => {
    expect(keepMs(entryOf({ ...tagged, status: 404, negative: true }, { lifetimeS: 5, staleIfErrorS: 60 }), atMs)).toBe(
      5_000,
    )
  })
})
