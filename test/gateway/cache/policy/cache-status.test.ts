import { parseList } from 'structured-headers'
import { describe, expect, it } from 'vitest'
import { appendMember, memberText } from '../../../../gateway/cache/policy/cache-status.ts'

const site = 'onprem'

describe('what Cache-Status tells', () => {
  it.each([
    ['of a hit', { kind: 'hit', ttlS: 27 }, 'tidegate-onprem; hit; ttl=27'],
    ['of a stale answer', { kind: 'hit', ttlS: -4, detail: 'swr' }, 'tidegate-onprem; hit; ttl=-4; detail=swr'],
    [
      'of a miss that was stored',
      { kind: 'forwarded', because: 'uri-miss', stored: true, ttlS: 30 },
      'tidegate-onprem; fwd=uri-miss; stored; ttl=30',
    ],
    ['of another variant', { kind: 'forwarded', because: 'vary-miss' }, 'tidegate-onprem; fwd=vary-miss'],
    [
      'of a validation',
      { kind: 'forwarded', because: 'stale', status: 304, ttlS: 30 },
      'tidegate-onprem; fwd=stale; fwd-status=304; ttl=30',
    ],
    ["of a request's own wish", { kind: 'forwarded', because: 'request' }, 'tidegate-onprem; fwd=request'],
    [
      'of a way round the cache',
      { kind: 'forwarded', because: 'bypass', detail: 'unsafe-target' },
      'tidegate-onprem; fwd=bypass; detail=unsafe-target',
    ],
    ['of a method', { kind: 'forwarded', because: 'method' }, 'tidegate-onprem; fwd=method'],
    ['of a part', { kind: 'forwarded', because: 'partial' }, 'tidegate-onprem; fwd=partial'],
    [
      'of an answer that others waited for',
      { kind: 'forwarded', because: 'miss', collapsed: true },
      'tidegate-onprem; fwd=miss; collapsed',
    ],
  ] as const)('Cache CS1: %s', (_, outcome, text) => {
    expect(memberText({ site, ...outcome })).toBe(text)
  })

  it('Cache CS2: what is false or unknown is left out', () => {
    expect(memberText({ site, kind: 'forwarded', because: 'miss', stored: false, collapsed: false })).toBe(
      'tidegate-onprem; fwd=miss',
    )
  })

  it('Cache CS2: lifetime and Age, both whole seconds, differ by ttl', () => {
    expect(memberText({ site, kind: 'hit', ttlS: 26.4 })).toMatch(/ttl=27$/)
    expect(memberText({ site, kind: 'hit', ttlS: -4.2 })).toMatch(/ttl=-4$/)
    expect(memberText({ site, kind: 'hit', ttlS: -0.5 })).toMatch(/ttl=0$/)
  })

  it('Cache CS2: the key is a string, whatever its bytes', () => {
    expect(memberText({ site, kind: 'hit', key: 'G|https|a "b" \\ é' })).toBe(
      String.raw`tidegate-onprem; hit; key="G|https|a \"b\" \\ %C3%A9"`,
    )
  })

  it.each(['eu west', '€', 'a"b', '\ud800', ''])('Cache CS1: the site %j makes a member that can be read', (odd) => {
    expect(parseList(memberText({ site: odd, kind: 'hit', ttlS: -1e300, detail: 'x y', key: odd }))).toHaveLength(1)
    expect(parseList(memberText({ site: odd, kind: 'hit', ttlS: 1e300 }))).toHaveLength(1)
  })
})

describe('Cache-Status of caches nearer to the service', () => {
  const appended = (...headers: string[]): string[] => {
    appendMember(headers, 'tidegate-onprem; hit')
    return headers
  }

  it('Cache CS1: stays byte for byte in front of ours', () => {
    expect(appended('Cache-Status', 'inner;hit ,  other', 'x', 'y', 'cache-status', '"third";fwd=miss')).toEqual([
      'Cache-Status',
      'inner;hit ,  other',
      'x',
      'y',
      'cache-status',
      '"third";fwd=miss',
      'cache-status',
      'tidegate-onprem; hit',
    ])
  })

  it('Cache CS1: gives way if it is no list, which would make ours unreadable', () => {
    expect(appended('Cache-Status', 'inner; hit', 'x', 'y', 'Cache-Status', 'hit, "from', 'z', '')).toEqual([
      'x',
      'y',
      'z',
      '',
      'cache-status',
      'tidegate-onprem; hit',
    ])
  })

  it('Cache CS1: needs not be there', () => {
    expect(appended('x', 'y')).toEqual(['x', 'y', 'cache-status', 'tidegate-onprem; hit'])
  })
})
