import { describe, expect, it } from 'vitest'
import type { CachePolicy } from '#routes/policy.ts'
import { callers, type Identity, identities } from '../../../../bench/support/isolation/identities.ts'
import { mayShare } from '../../../../bench/support/isolation/may-share.ts'
import type { AnswerSpec, Directives } from '../../../../bench/support/isolation/random-answer.ts'

const silent: Directives = {
  public: false,
  mustRevalidate: false,
  sMaxage: 'none',
  maxAgeS: 60,
  private: false,
  noStore: false,
  noCache: false,
  proxyRevalidate: false,
  swr: false,
}
const answer = (directives: Partial<Directives>, more: Partial<AnswerSpec> = {}): AnswerSpec => ({
  status: 200,
  directives: { ...silent, ...directives },
  targeted: undefined,
  vary: [],
  setCookie: false,
  etag: undefined,
  expires: false,
  lengthKnown: true,
  hand: 0,
  ...more,
})
const policy = (more: Partial<CachePolicy> = {}): CachePolicy => ({
  profile: 'api',
  per: 'everyone',
  key: {},
  tags: [],
  ...more,
})
const asking = (name: string) => ({
  identity: identities.get(name) as Identity,
  device: undefined,
  language: undefined,
})
const judge = (spec: AnswerSpec, cache: CachePolicy, owner: string, other: string) =>
  mayShare(cache, spec, asking(owner), asking(other))

describe('the judge of isolation', () => {
  it('lets an answer to a credential be shared by public, s-maxage and must-revalidate alone', () => {
    for (const said of [{ public: true }, { sMaxage: 'valid' as const }, { mustRevalidate: true }])
      expect(judge(answer(said), policy(), 'dora', 'emil')).toBe(true)
    for (const said of [
      {},
      { proxyRevalidate: true },
      { sMaxage: 'invalid' as const },
      { public: true, private: true },
    ])
      expect(judge(answer(said), policy(), 'dora', 'emil')).toBe(false)
  })

  it('hears a targeted field instead, where there is one', () => {
    const spec = answer({ public: true }, { targeted: silent })

    expect(judge(spec, policy(), 'dora', 'emil')).toBe(false)
  })

  it('never lets one consumer have what is another one’s own, and lets two devices of one have the same', () => {
    const spec = answer({ public: true })

    expect(judge(spec, policy({ per: 'consumer' }), 'anna-phone', 'ben')).toBe(false)
    expect(judge(spec, policy({ per: 'consumer' }), 'anna-phone', 'anna-desk')).toBe(true)
    expect(judge(spec, policy({ per: 'token' }), 'anna-phone', 'anna-desk')).toBe(false)
  })

  it('takes a cookie for a credential where the route does', () => {
    expect(judge(answer({}), policy(), 'fay', 'gus')).toBe(false)
    expect(judge(answer({}), policy({ profile: 'strict' }), 'fay', 'gus')).toBe(true)
    expect(judge(answer({}), policy({ ignoreCookies: true }), 'fay', 'gus')).toBe(true)
  })

  it('lets nobody have an answer that was selected by what they did not send', () => {
    expect(judge(answer({ public: true }, { vary: ['Authorization'] }), policy(), 'dora', 'emil')).toBe(false)
    expect(judge(answer({ public: true }, { vary: ['*'] }), policy(), 'dora', 'emil')).toBe(false)
    expect(judge(answer({ public: true }, { vary: ['Cookie'] }), policy(), 'dora', 'emil')).toBe(true)
  })

  it('knows callers of which no two are the same', () => {
    expect(new Set(callers.map(({ credential }) => credential)).size).toBe(callers.length)
  })
})
