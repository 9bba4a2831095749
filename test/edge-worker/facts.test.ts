import { describe, expect, it } from 'vitest'
import { type FactsSettings, readIncoming, sentTarget, targetOf } from '../../edge-worker/facts.ts'

const selfHosted: FactsSettings = { platform: 'self-hosted', trustedClientIpHeader: undefined }
const cloudflare: FactsSettings = { platform: 'cloudflare', trustedClientIpHeader: undefined }

function read(headers: Record<string, string>, settings = selfHosted, cf?: unknown) {
  const request = { method: 'GET', url: 'http://api.example.com/a', headers: new Headers(headers), cf }
  return readIncoming(request, settings, () => 'made')
}

describe('the raw target', () => {
  it.each([
    ['http://a.b/x?y=1', '/x?y=1'],
    ['http://a.b', '/'],
    ['http://a.b?q=/x', '/?q=/x'],
    ['http://a.b:80//x/../y\\z', '//x/../y\\z'],
    ['https://a.b/%2e%2E/%zz', '/%2e%2E/%zz'],
    ['http://a.b/x?u=http://c.d/e', '/x?u=http://c.d/e'],
    ['http://a.b*', '*'],
  ])('of %s is %s, byte for byte', (url, target) => {
    expect(targetOf(url)).toBe(target)
  })

  it.each([
    ['/a/../b', '/b'],
    ['/a/./b/.', '/a/b/'],
    ['/a/b/..', '/a/'],
    ['/../../c?x=/../', '/c?x=/../'],
    ['/a/.../b', '/a/.../b'],
    ['/a//../b', '/a/b'],
    ['/..', '/'],
    ['/a/..//b', '//b'],
    ['/.a/..b/', '/.a/..b/'],
    ['/a/%2e%2e/../b', '/a/b'],
    ['/a/.?x', '/a/?x'],
    ['*', '*'],
  ])('%s leaves the runtime as %s, which is what gets signed', (target, sent) => {
    expect(sentTarget(target)).toBe(sent)
  })
})

describe('what a client may not say', () => {
  it('removes every header of our own programs and its underscore twin', () => {
    const { forwarded } = read({
      'x-tidegate-edge': 'v=1',
      'X-TideGate-Hop': 'v=1',
      x_tidegate_call: 'v=1',
      'x-tidegate_force': 'cloud',
      'x.tidegate.edge': 'v=1',
      accept: '*/*',
    })

    expect([...forwarded.keys()]).toEqual(['accept'])
  })

  it('takes nobody but a front at its word for the scheme', () => {
    const claim = { 'x-forwarded-proto': 'https' }
    const behindFront: FactsSettings = { platform: 'self-hosted', trustedClientIpHeader: 'x-client' }

    expect(read(claim).forwarded.has('x-forwarded-proto')).toBe(false)
    expect(read({ x_forwarded_proto: 'https' }).forwarded.has('x_forwarded_proto')).toBe(false)
    expect(read(claim, behindFront).forwarded.get('x-forwarded-proto')).toBe('https')
    expect(read(claim, cloudflare).forwarded.get('x-forwarded-proto')).toBe('https')
  })

  it('removes addresses and hosts that anybody could invent in front of a self-hosted edge', () => {
    const { forwarded, address } = read({
      'cf-connecting-ip': '1.2.3.4',
      cf_ray: 'x',
      'x-forwarded-for': '1.2.3.4',
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'https',
    })

    expect([...forwarded.keys()]).toEqual([])
    expect(address).toBeUndefined()
  })

  it('removes `expect`, for which workerd would break every such upload', () => {
    expect(read({ expect: '100-continue' }).forwarded.has('expect')).toBe(false)
  })

  it('removes what Connection names, but not what opens a WebSocket', () => {
    const headers = { connection: 'keep-alive, X-Private, upgrade', 'x-private': '1', upgrade: 'websocket', host: 'a' }

    expect([...read(headers).forwarded.keys()]).toEqual(['connection', 'host', 'upgrade'])
  })

  it('keeps every other header and its value', () => {
    const headers = { accept: 'a, b', 'x-tide': '1', 'x-tidegat': '2', cookie: 'a=1', 'x-odd': ' sp aced' }

    expect(Object.fromEntries(read(headers).forwarded)).toEqual({ ...headers, 'x-odd': 'sp aced' })
  })

  it('still tells the claimed mark and call, to be verified', () => {
    expect(read({ 'x-tidegate-edge': 'm', 'x-tidegate-call': 'c' }).claimed).toEqual({ edge: 'm', call: 'c' })
  })
})

describe('two Cookie headers', () => {
  it.each([
    ['a=1, b=2', 'a=1; b=2'],
    ['a=1; b=2, c=3', 'a=1; b=2; c=3'],
    ['a=x, y', 'a=x, y'],
    ['a=1,b=2', 'a=1,b=2'],
  ])('%s travel as %s', (joined, sent) => {
    expect(read({ cookie: joined }).forwarded.get('cookie')).toBe(sent)
  })
})

describe("the client's address", () => {
  it('is what the front of a self-hosted edge says, in the header that it is trusted for', () => {
    const settings: FactsSettings = { ...selfHosted, trustedClientIpHeader: 'x-real-ip' }

    expect(read({ 'x-real-ip': '2001:db8::1' }, settings).address).toBe('2001:db8::1')
    expect(read({ 'x-real-ip': 'unknown;a=b' }, settings).address).toBeUndefined()
  })

  it('is the last of a list, which the front itself wrote', () => {
    const settings: FactsSettings = { ...selfHosted, trustedClientIpHeader: 'x-forwarded-for' }

    expect(read({ 'x-forwarded-for': '6.6.6.6, 10.0.0.9' }, settings).address).toBe('10.0.0.9')
  })

  it('is Cloudflare’s finding on Cloudflare', () => {
    const { address, country, forwarded } = read({ 'cf-connecting-ip': '1.2.3.4' }, cloudflare, { country: 'DE' })

    expect({ address, country }).toEqual({ address: '1.2.3.4', country: 'DE' })
    expect(forwarded.has('cf-connecting-ip')).toBe(true)
  })

  it('has no country on a self-hosted edge, whatever a request brings', () => {
    expect(read({}, selfHosted, { country: 'DE' }).country).toBeUndefined()
  })
})

describe('the request id', () => {
  it('is the client’s when it is one word of bounded length, else made here', () => {
    expect(read({ 'x-request-id': 'abc-1' }).requestId).toBe('abc-1')
    expect(read({ 'x-request-id': 'a b' }).requestId).toBe('made')
    expect(read({ 'x-request-id': 'x'.repeat(129) }).requestId).toBe('made')
    expect(read({}).requestId).toBe('made')
  })
})
