import { describe, expect, it } from 'vitest'
import { canonicalHost, compareHosts, parseHost } from '#routes/host-pattern.ts'

describe('a host pattern', () => {
  it('is an exact name or everything below one', () => {
    expect(parseHost('api.example.com')).toEqual({ ok: true, host: { kind: 'exact', name: 'api.example.com' } })
    expect(parseHost('*.example.com')).toEqual({ ok: true, host: { kind: 'wildcard', below: 'example.com' } })
    expect(parseHost('localhost').ok).toBe(true)
    expect(parseHost('xn--bcher-kva.example').ok).toBe(true)
  })

  it.each([
    ['API.example.com', 'Write "api.example.com".'],
    ['api.example.com:443', 'Write "api.example.com".'],
    ['api.example.com.', 'Write "api.example.com".'],
    ['*', 'Leave the host out to match any host.'],
    ['', 'Leave the host out to match any host.'],
    ['api.*.com', 'Write "*.example.com".'],
    ['*example.com', 'Write "*.example.com".'],
    ['a..b', 'Use letters, digits and "-"; other scripts as "xn--...".'],
    ['bücher.example', 'Use letters, digits and "-"; other scripts as "xn--...".'],
    [`${'a'.repeat(64)}.com`, 'Use letters, digits and "-"; other scripts as "xn--...".'],
    [`${'a.'.repeat(127)}com`, 'Shorten it.'],
  ])('is refused with advice: %s', (text, fix) => {
    expect(parseHost(text)).toMatchObject({ ok: false, fault: { fix } })
  })

  it('of a request has neither port nor trailing dot nor capitals', () => {
    expect(canonicalHost('API.Example.com.:8443')).toBe('api.example.com')
    expect(canonicalHost('[::1]:80')).toBe('[::1]')
    expect(canonicalHost('[::1]')).toBe('[::1]')
    expect(canonicalHost('')).toBe('')
  })

  it('is tried before another: exact, then the longest wildcard, then any', () => {
    const inOrder = ['a.b.example.com', 'example.com', '*.b.example.com', '*.example.com', undefined]

    // Array.sort puts undefined last by itself; here that must be the order's own doing.
    for (const [at, host] of inOrder.entries()) {
      for (const later of inOrder.slice(at + 1)) {
        expect(compareHosts(host, later)).toBeLessThan(0)
        expect(compareHosts(later, host)).toBeGreaterThan(0)
      }
    }
    expect(compareHosts('*.example.com', '*.example.com')).toBe(0)
  })
})
