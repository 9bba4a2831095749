import { describe, expect, it } from 'vitest'
import type { Exchange } from '../../gateway/exchange.ts'
import { exchangeOf } from './exchange.ts'

/** What belongs to one asking alone, and must not be taken from the client's own exchange. */
const own: ReadonlySet<string> = new Set([
  'headers',
  'names',
  'rates',
  'rewritten',
  'deadlineMs',
  'forwardedTo',
  'endpoint',
  'cacheStatus',
  'storedBy',
  'serviceStatus',
  'attempt',
  'firstByteMs',
  'bytesOut',
  'gone',
  'whenGone',
])

describe('an exchange for a fetch', () => {
  it('is decided and known as that of its client, and asks with fields of its own', () => {
    const x = exchangeOf(['Accept', 'a/b', 'Range', 'bytes=0-1'], { target: '/v1/y?z' })
    const marked = x as unknown as Record<string, unknown>
    for (const name of Object.keys(x)) {
      if (!own.has(name) && marked[name] === undefined) marked[name] = Object(name)
    }

    const fetch = x.forFetch(['Accept', 'a/b'])

    expect(fetch.names).toEqual(['accept'])
    const other = fetch as unknown as Record<string, unknown>
    for (const name of Object.keys(x)) if (!own.has(name)) expect([name, other[name]]).toEqual([name, marked[name]])
  })

  it('outlives its client, and its deadline', () => {
    const x = exchangeOf()
    x.deadlineMs = 5
    const fetch = x.forFetch([])
    let told = 0
    fetch.whenGone = () => void told++

    x.leave()

    expect([fetch.gone, fetch.deadlineMs, told]).toEqual([false, Number.POSITIVE_INFINITY, 0])
    fetch.leave()
    expect([fetch.gone, told]).toEqual([true, 1])
  })

  it('tells afterwards which instance answered, and when', () => {
    const x = exchangeOf()
    const fetch: Exchange = x.forFetch([])
    fetch.endpoint = '10.0.0.1:80'
    fetch.attempt = 1
    fetch.firstByteMs = 12

    x.fetched(fetch)

    expect([x.endpoint, x.attempt, x.firstByteMs]).toEqual(['10.0.0.1:80', 1, 12])
  })
})
