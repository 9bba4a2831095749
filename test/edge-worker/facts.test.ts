import { describe, expect, it } from 'vitest'
import { edit, type FactsSettings, type Incoming, readIncoming, sentTarget, targetOf } from '../../edge-worker/facts.ts'

const made = '11111111-2222-4333-8444-555555555555'
const selfHosted: FactsSettings = {
  platform: 'self-hosted',
  trustedClientIpHeader: undefined,
  trustedCountryHeader: undefined,
}
const cloudflare: FactsSettings = {
  platform: 'cloudflare',
  trustedClientIpHeader: undefined,
  trustedCountryHeader: undefined,
}

function read(received: Record<string, string>, settings = selfHosted, cf?: unknown) {
  const headers = new Headers(received)
  const incoming = readIncoming({ method: 'GET', url: 'http://api.example.com/a', headers, cf }, settings, () => made)
  return { ...incoming, forwarded: sentOn(headers, incoming) }
}

/** What goes to the gateway. */
function sentOn(received: Headers, incoming: Incoming): Headers {
  const forwarded = new Headers(received)
  edit(forwarded, incoming)
  return forwarded
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

    expect([...forwarded.keys()]).toEqual(['accept', 'traceparent'])
  })

  it('takes nobody but a front at its word for the scheme', () => {
    const claim = { 'x-forwarded-proto': 'https' }
    const behindFront: FactsSettings = {
      platform: 'self-hosted',
      trustedClientIpHeader: 'x-client',
      trustedCountryHeader: undefined,
    }

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

    expect([...forwarded.keys()]).toEqual(['traceparent'])
    expect(address).toBeUndefined()
  })

  it('removes `expect`, for which workerd would break every such upload', () => {
    expect(read({ expect: '100-continue' }).forwarded.has('expect')).toBe(false)
  })

  it('removes what Connection names, but not what opens a WebSocket', () => {
    const opens = { upgrade: 'websocket', 'sec-websocket-key': 'k', host: 'a' }
    const headers = { connection: 'keep-alive, X-Private, upgrade', 'x-private': '1', ...opens }

    expect([...read(headers).forwarded.keys()]).toEqual([
      'connection',
      'host',
      'sec-websocket-key',
      'traceparent',
      'upgrade',
    ])
  })

  it.each([
    ['a POST, which the runtime would make a GET without a body', 'POST', { 'sec-websocket-key': 'k' }],
    ['what has no key, to which the runtime would add a handshake', 'GET', {}],
  ])('removes the upgrade of %s', (_, method, more) => {
    const headers = new Headers({ host: 'a', upgrade: 'websocket', connection: 'upgrade', ...more })
    const incoming = readIncoming({ method, url: 'http://a/b', headers }, selfHosted, () => made)

    expect(sentOn(headers, incoming).has('upgrade')).toBe(false)
    expect(incoming.header('upgrade')).toBeUndefined()
  })

  it('keeps every other header and its value', () => {
    const own = { 'x-tide': '1', 'x-tidegat': '2', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }
    const headers = { accept: 'a, b', cookie: 'a=1', 'x-odd': ' sp aced', ...own }

    expect(Object.fromEntries(read(headers).forwarded)).toEqual({ ...headers, 'x-odd': 'sp aced' })
  })

  it('still tells the claimed mark and call, to be verified', () => {
    const claims = { 'x-tidegate-edge': 'm', 'x-tidegate-call': 'c', 'x-tidegate-force': 'f' }
    const { claimed } = read({ ...claims, cookie: 'a=1; tidegate-force=g; tidegate-sticky=s' })

    expect(claimed).toEqual({ edge: 'm', call: 'c', forces: ['f', 'g'], sticky: 's' })
  })

  it('lets the question of doctor through, which a gateway verifies, but no twin of it', () => {
    const { forwarded } = read({ 'x-tidegate-echo': 'e', x_tidegate_echo: 'e', 'x-tidegate-echoes': 'e' })

    expect([...forwarded.keys()]).toEqual(['traceparent', 'x-tidegate-echo'])
  })
})

describe("a tester's cookie", () => {
  it.each([
    ['a=1; tidegate-force=x; b=2', 'a=1; b=2'],
    ['tidegate-force=x; b=2', 'b=2'],
    ['a=1;tidegate-force=x;  b="2 "', 'a=1;  b="2 "'],
    ['a=1; tidegate-force=x; tidegate-force=y', 'a=1'],
    ['a=1, tidegate-force=x', 'a=1'],
    ['a=tidegate-force=x; xtidegate-force=1;;b', 'a=tidegate-force=x; xtidegate-force=1;;b'],
    ['tidegate-sticky=s; tidegate-force=x', 'tidegate-sticky=s'],
  ])('in %s is taken out, and the others travel as they came', (cookie, sent) => {
    expect(read({ cookie }).forwarded.get('cookie')).toBe(sent)
  })

  it('takes the field with it when it was alone', () => {
    expect(read({ cookie: 'tidegate-force=x' }).forwarded.has('cookie')).toBe(false)
  })
})

describe('the trace of a request', () => {
  it('travels as it came, byte for byte, with its state', () => {
    const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: ' a=1,b=2' }
    const { forwarded } = read(trace)

    expect([forwarded.get('traceparent'), forwarded.get('tracestate')]).toEqual([trace.traceparent, 'a=1,b=2'])
  })

  it('begins at the edge when there is none, or none that can be read', () => {
    for (const value of [undefined, 'x', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`]) {
      const { forwarded } = read(value === undefined ? {} : { traceparent: value })

      expect(forwarded.get('traceparent')).toBe('00-11111111222243338444555555555555-8444555555555555-00')
    }
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
    const settings: FactsSettings = {
      ...selfHosted,
      trustedClientIpHeader: 'x-real-ip',
      trustedCountryHeader: undefined,
    }

    expect(read({ 'x-real-ip': '2001:db8::1' }, settings).address).toBe('2001:db8::1')
    expect(read({ 'x-real-ip': 'unknown;a=b' }, settings).address).toBeUndefined()
  })

  it('is the last of a list, which the front itself wrote', () => {
    const settings: FactsSettings = {
      ...selfHosted,
      trustedClientIpHeader: 'x-forwarded-for',
      trustedCountryHeader: undefined,
    }

    expect(read({ 'x-forwarded-for': '6.6.6.6, 10.0.0.9' }, settings).address).toBe('10.0.0.9')
  })

  it('is Cloudflare’s finding on Cloudflare', () => {
    const { address, country, forwarded } = read({ 'cf-connecting-ip': '1.2.3.4' }, cloudflare, { country: 'DE' })

    expect({ address, country }).toEqual({ address: '1.2.3.4', country: 'DE' })
    expect(forwarded.has('cf-connecting-ip')).toBe(true)
  })
})

describe("the client's country", () => {
  const behindFront: FactsSettings = { ...selfHosted, trustedCountryHeader: 'x-country' }

  it('is nobody’s word on a self-hosted edge without a front that is trusted for it', () => {
    expect(read({ 'x-country': 'DE', 'cf-ipcountry': 'DE' }, selfHosted, { country: 'DE' }).country).toBeUndefined()
  })

  it('is what the trusted front says, in two capital letters', () => {
    expect(read({ 'x-country': 'de' }, behindFront).country).toBe('DE')
    for (const wrong of ['', 'Germany', 'D', 'DE, FR', '12', 'd;']) {
      expect(read({ 'x-country': wrong }, behindFront).country).toBeUndefined()
    }
  })

  it('is Cloudflare’s finding on Cloudflare alone, whatever a header says', () => {
    const onCloudflare: FactsSettings = { ...cloudflare, trustedCountryHeader: 'x-country' }

    expect(read({ 'x-country': 'FR' }, onCloudflare, { country: 'T1' }).country).toBe('T1')
    expect(read({ 'x-country': 'FR' }, onCloudflare, { country: 7 }).country).toBeUndefined()
  })
})

describe('the request id', () => {
  it('is the client’s when it is one word of bounded length, else made here', () => {
    expect(read({ 'x-request-id': 'abc-1' }).requestId).toBe('abc-1')
    expect(read({ 'x-request-id': 'a b' }).requestId).toBe(made)
    expect(read({ 'x-request-id': 'x'.repeat(129) }).requestId).toBe(made)
    expect(read({}).requestId).toBe(made)
  })
})
