import { describe, expect, it } from 'vitest'
import type { CachePolicy } from '#routes/policy.ts'
import { storableMs } from '../../../gateway/cache/storable.ts'

const policy: CachePolicy = { ttlMs: 60_000, staleWhileRevalidateMs: 0, tags: [], vary: ['accept-language'] }
const answer = (...headers: string[]) => ({ status: 200, reason: 'OK', headers, body: Buffer.from('x') })
const shared = { policy, authenticated: false, consumer: undefined }

describe('how long an answer may be stored', () => {
  it.each([
    ['as the route says when the answer says nothing', [], 60_000],
    ['less when the answer says less', ['Cache-Control', 'max-age=5'], 5_000],
    ['no more when the answer says more', ['Cache-Control', 'max-age=500'], 60_000],
    ['by s-maxage before max-age', ['cache-control', 'max-age=5, s-maxage=7'], 7_000],
    ['not when an age cannot be read', ['Cache-Control', 'max-age=soon'], 0],
    ['not with no-store in whatever letters', ['CACHE-CONTROL', 'Max-Age=5, No-Store'], 0],
    ['not with no-cache', ['Cache-Control', 'no-cache'], 0],
    ['not with private', ['Cache-Control', 'private'], 0],
    ['not with Set-Cookie', ['set-cookie', 'a=1'], 0],
    ['not with Vary: *', ['Vary', '*'], 0],
    ['with a Vary that the key covers', ['Vary', 'Accept-Language'], 60_000],
    ['not with one more that it does not', ['Vary', 'Accept-Language, Origin'], 0],
  ])('%s', (_, headers, ms) => {
    expect(storableMs(answer(...headers), shared)).toBe(ms)
  })

  it('is nothing for somebody alone, unless the key has the consumer or the answer is public', () => {
    const known = { policy, authenticated: true, consumer: 'anna' }
    const own = { ...known, policy: { ...policy, per: 'consumer' as const } }

    expect(storableMs(answer(), known)).toBe(0)
    expect(storableMs(answer('Cache-Control', 'public'), known)).toBe(60_000)
    expect(storableMs(answer('Cache-Control', 'private'), own)).toBe(60_000)
    // A credential that nobody here has verified is nobody's key.
    expect(storableMs(answer(), { ...own, consumer: undefined })).toBe(0)
    expect(storableMs(answer('Cache-Control', 'private'), { ...own, consumer: undefined, authenticated: false })).toBe(
      0,
    )
  })

  it.each([201, 206, 301, 404, 500])('is nothing for status %i', (status) => {
    expect(storableMs({ ...answer(), status }, shared)).toBe(0)
  })
})
