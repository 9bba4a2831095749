import { describe, expect, it } from 'vitest'
import type { Mark } from '#routes/hop.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { requestHead } from '../../../gateway/upstream/request-head.ts'
import { exchangeOf } from '../exchange.ts'

const options = { pseudonym: 'tidegate', believes: () => false }
const trusting = { pseudonym: 'tidegate', believes: () => true }

/** The values of a field, in order. */
function values(head: readonly string[], name: string): string[] {
  return head.filter((_, at) => at % 2 === 1 && (head[at - 1] as string).toLowerCase() === name)
}

function marked(kind: 'edge' | 'hop', address: string, headers: readonly string[] = []): Exchange {
  const x = exchangeOf(headers, { peer: '10.0.0.9' })
  x.mark = { at: 0, requestId: '', structure: 1, placements: 1, because: '', from: 'e', flags: [], address } as Mark
  x.markKind = kind
  x.client = address
  return x
}

describe('what a service reads of the client', () => {
  const said = [
    'X-Forwarded-For',
    '6.6.6.6',
    'X-Forwarded-Host',
    'evil.test',
    'X-Forwarded-Proto',
    'https',
    'X-Forwarded-Port',
    '1',
    'Forwarded',
    'for=6.6.6.6;host=evil.test',
    'X_Forwarded_For',
    '6.6.6.6',
  ]

  it('H5: is our word alone for a peer that is not trusted', () => {
    const head = requestHead(exchangeOf(said, { peer: '::ffff:10.0.0.1', host: 'api.example.com:8080' }), options)

    expect(head.join(' ')).not.toMatch(/6\.6\.6\.6|evil/)
    expect(values(head, 'x-forwarded-for')).toEqual(['::ffff:10.0.0.1'])
    expect(values(head, 'x-forwarded-host')).toEqual(['api.example.com:8080'])
    expect(values(head, 'x-forwarded-proto')).toEqual(['http'])
    expect(values(head, 'x-forwarded-port')).toEqual(['8080'])
    expect(values(head, 'forwarded')).toHaveLength(1)
  })

  it('H5: stands in every other field in which the client named an address, once, and in no further one', () => {
    const x = exchangeOf(['X-Real-IP', '6.6.6.6', 'x-real-ip', '7.7.7.7', 'True-Client-IP', '8.8.8.8'])
    x.client = '203.0.113.9'

    const head = requestHead(x, options)

    expect(values(head, 'x-real-ip')).toEqual(['203.0.113.9'])
    expect(values(head, 'true-client-ip')).toEqual(['203.0.113.9'])
    expect(values(head, 'cf-connecting-ip')).toEqual([])
  })

  it('H5: goes on behind a trusted proxy, and that proxy is appended', () => {
    const x = exchangeOf(['X-Forwarded-For', '1.2.3.4', 'Forwarded', 'for=1.2.3.4', 'X-Forwarded-Port', '443'], {
      peer: '10.0.0.1',
    })
    x.client = '1.2.3.4'
    x.scheme = 'https'
    const head = requestHead(x, trusting)

    expect(values(head, 'x-forwarded-for')).toEqual(['1.2.3.4, 10.0.0.1'])
    expect(values(head, 'x-forwarded-port')).toEqual(['443'])
    expect(values(head, 'forwarded')).toEqual(['for=1.2.3.4, for=10.0.0.1;host=api.example.com;proto=https'])
  })

  it("H5: goes on behind a trusted proxy without a Forwarded that names another host, which is the client's own", () => {
    const forwarded = (text: string) =>
      values(requestHead(exchangeOf(['Forwarded', text], { peer: '10.0.0.1' }), trusting), 'forwarded')[0]

    for (const evil of ['host=evil.test', 'for=1.2.3.4; HOST = "evil.test:80", for=10.0.0.7;host=api.example.com'])
      expect(forwarded(evil)).not.toMatch(/evil/)
    expect(forwarded('for=1.2.3.4;host="API.example.com"')).toMatch(/^for=1\.2\.3\.4;host="API\.example\.com", for=/)
  })

  it('H5: is, behind an edge, the address that it signed, whatever stands in fields beside it', () => {
    const head = requestHead(
      marked('edge', '2001:db8::1', ['X-Forwarded-For', '6.6.6.6', 'Forwarded', 'for=6.6.6.6']),
      trusting,
    )

    expect(values(head, 'x-forwarded-for')).toEqual(['2001:db8::1, 10.0.0.9'])
    expect(values(head, 'forwarded')).toEqual(['for="[2001:db8::1]";host=api.example.com;proto=http'])
  })

  it('H5: has, behind an edge, the port of the host: a client that wrote another one would get it into stored answers', () => {
    const x = marked('edge', '2001:db8::1', ['X-Forwarded-Port', '1337'])
    x.scheme = 'https'

    expect(values(requestHead(x, trusting), 'x-forwarded-port')).toEqual(['443'])
  })

  it('H5: keeps the chain that a peer gateway tells', () => {
    const head = requestHead(marked('hop', '1.2.3.4', ['X-Forwarded-For', '1.2.3.4, 10.0.0.5']), trusting)

    expect(values(head, 'x-forwarded-for')).toEqual(['1.2.3.4, 10.0.0.5, 10.0.0.9'])
  })

  it('H5: has the usual port of the scheme where nobody names one', () => {
    const x = exchangeOf()
    x.scheme = 'https'

    expect(values(requestHead(x, options), 'x-forwarded-port')).toEqual(['443'])
  })
})

describe('the head of a request', () => {
  it('H4: names us behind whom it passed before, in one field', () => {
    const head = requestHead(exchangeOf(['Via', '1.0 old', 'via', '1.1 other']), options)

    expect(values(head, 'via')).toEqual(['1.0 old, 1.1 other, 1.1 tidegate'])
  })

  it('H4: does not name us where the site says so, and keeps the others', () => {
    const head = requestHead(exchangeOf(['Via', '1.0 old']), { ...options, pseudonym: undefined })

    expect(values(head, 'via')).toEqual(['1.0 old'])
    expect(values(requestHead(exchangeOf(), { ...options, pseudonym: undefined }), 'via')).toEqual([])
  })

  it('H3: has of TE only that trailers are taken', () => {
    expect(values(requestHead(exchangeOf(['TE', 'gzip;q=0.3, trailers']), options), 'te')).toEqual(['trailers'])
    expect(values(requestHead(exchangeOf(['TE', 'gzip']), options), 'te')).toEqual([])
  })

  it('H7: has the Host of the client, or the one of the deployment', () => {
    expect(requestHead(exchangeOf(), options).slice(0, 2)).toEqual(['host', 'api.example.com'])
    const rewritten = requestHead(exchangeOf(), options, 'orders.internal')
    expect(rewritten.slice(0, 2)).toEqual(['host', 'orders.internal'])
    expect(values(rewritten, 'x-forwarded-host')).toEqual(['api.example.com'])
  })

  it('H14: has ranges and conditions as they came', () => {
    const pairs = ['Range', 'bytes=0-5', 'If-Range', '"a"', 'If-None-Match', 'W/"b"', 'If-Modified-Since', 'x']

    expect(requestHead(exchangeOf(pairs), options).join('\n')).toContain(pairs.join('\n'))
  })

  it('passes the trace of the client until there is one of ours', () => {
    const x = exchangeOf(['traceparent', 'client', 'tracestate', 's'])

    expect(values(requestHead(x, options), 'traceparent')).toEqual(['client'])
    x.trace = 'ours'
    const head = requestHead(x, options)
    expect(values(head, 'traceparent')).toEqual(['ours'])
    expect(values(head, 'tracestate')).toEqual(['s'])
  })

  it('is edited last, so that an edit sees all of it', () => {
    const x = exchangeOf(['A', '1'])
    x.trace = 't'
    x.editHead = (head) => [...head, 'seen', String(values(head, 'traceparent').length + values(head, 'via').length)]

    expect(requestHead(x, options).slice(-2)).toEqual(['seen', '2'])
  })
})
