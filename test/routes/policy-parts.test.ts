import { describe, expect, it } from 'vitest'
import { readPolicy } from '#routes/policy-parts.ts'

const route = { auth: 'public', timeout: { connectMs: 1, firstByteMs: 1, totalMs: 1 }, maxBodyBytes: 1 }
const former = { ttlMs: 60_000, staleWhileRevalidateMs: 5_000, tags: ['a'], vary: ['accept-language'] }

describe('the cache policy of a structure that an older control plane sealed', () => {
  it('is read as what it means today', () => {
    expect(readPolicy({ ...route, cache: former })?.cache).toEqual({
      profile: 'api',
      ttlMs: 60_000,
      staleWhileRevalidateMs: 5_000,
      per: 'everyone',
      key: { headers: ['accept-language'] },
      tags: ['a'],
    })
    expect(
      readPolicy({ ...route, cache: { ...former, vary: [], staleWhileRevalidateMs: 0, per: 'consumer' } })?.cache,
    ).toEqual({ profile: 'api', ttlMs: 60_000, per: 'consumer', key: {}, tags: ['a'] })
  })

  it('is refused with keys of both releases: it would be read in two ways', () => {
    expect(readPolicy({ ...route, cache: { ...former, profile: 'api' } })).toBeUndefined()
  })
})
