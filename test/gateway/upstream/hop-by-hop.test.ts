import { describe, expect, it } from 'vitest'
import { lowerNames } from '../../../gateway/header-pairs.ts'
import {
  passAnswer,
  passRequest,
  passTrailers,
  takesTrailers,
  withoutOurs,
} from '../../../gateway/upstream/hop-by-hop.ts'
import { exchangeOf } from '../exchange.ts'

const passed = (...pairs: string[]) => passRequest(pairs, lowerNames(pairs), [], 'GET')
const raw = (...pairs: string[]) => pairs.map((text) => Buffer.from(text, 'latin1'))

describe('the fields of a request', () => {
  it('H8: pass in order, with their case and repetition', () => {
    const pairs = ['X-B', '1', 'x-a', '2', 'X-B', '3', 'Cookie', 'a=1', 'Cookie', 'b=2']

    expect(passed(...pairs)).toEqual(pairs)
  })

  it('are judged the same whatever names came before, and however many', () => {
    const names = ['X_Tidegate.Consumer', 'x-real-ip', 'X-Method_Override', 'X-Kept', 'Host']
    const pairs = names.flatMap((name) => [name, '1'])
    const before = passed(...pairs)

    for (let made = 0; made < 2_500; made++) passed(`X-Made-${made}`, '1', `X_${'y'.repeat(100)}-${made}`, '1')

    expect(before).toEqual(['X-Kept', '1'])
    expect(passed(...pairs)).toEqual(before)
    expect(passRequest(pairs, lowerNames(pairs), [], 'POST')).toEqual(['X-Method_Override', '1', 'X-Kept', '1'])
  })

  it('H1: of one connection end here, and with them what Connection names', () => {
    expect(
      passed(
        'Connection',
        'close, X-Hop',
        'X-Hop',
        '1',
        'Keep-Alive',
        '5',
        'TE',
        'trailers',
        'Upgrade',
        'h2c',
        'X-Kept',
        '1',
      ),
    ).toEqual(['X-Kept', '1'])
  })

  it.each([
    'Authorization',
    'Cookie',
    'Content-Type',
    'Content-MD5',
    'Range',
    'If-Range',
    'If-Match',
    'traceparent',
    'Cache-Control',
  ])('H2: are not lost because Connection names them: %s', (name) => {
    expect(passed('Connection', name, name, 'value')).toEqual([name, 'value'])
  })

  it.each([
    'x-tidegate-consumer',
    'X-Tidegate-Edge',
    'x_tidegate_consumer',
    'X-TIDEGATE_Consumer',
    'x_forwarded_for',
    'X-Forwarded_Proto',
    'x.tidegate.consumer',
    'x~tidegate_consumer',
    'x-forwarded-prefix',
    'X-Forwarded-Client-Cert',
    'x_request_id',
    'content_length',
    'Transfer_Encoding',
    'X-Original-URL',
    'x_rewrite_url',
    'Proxy',
    'X-Real-IP',
    'True_Client_IP',
  ])('H6: that only our programs may write are removed: %s', (name) => {
    expect(passed(name, 'value', 'X-Other', '1')).toEqual(['X-Other', '1'])
  })
})

describe('the fields of an identity', () => {
  it.each(['X-User-Id', 'x_user_id', 'X.User_ID'])("H6: are never the client's, in whatever spelling: %s", (name) => {
    const pairs = [name, 'root', 'X-User', 'kept']

    expect(passRequest(pairs, lowerNames(pairs), [], 'GET', new Set(['x-user-id']))).toEqual(['X-User', 'kept'])
  })
})

describe('a method in a header', () => {
  const pairs = ['X-HTTP-Method-Override', 'DELETE']
  const of = (method: string, ...fields: string[]) => passRequest(fields, lowerNames(fields), [], method)

  it('passes with a POST, as old clients send it', () => {
    expect(of('POST', ...pairs)).toEqual(pairs)
  })

  it('makes no write of a POST that reads, which another site than the owner may serve', () => {
    const read = (by: string) => {
      const fields = ['X-HTTP-Method-Override', by]
      return passRequest(fields, lowerNames(fields), [], 'POST', undefined, true)
    }

    for (const by of ['DELETE', 'put', ' PATCH', 'GET, DELETE', '']) expect(read(by)).toEqual([])
    for (const by of ['GET', ' get ']) expect(read(by)).toEqual(['X-HTTP-Method-Override', by])
  })

  it.each(['GET', 'HEAD', 'PUT', 'OPTIONS'])('makes nothing else of a %s', (method) => {
    expect(of(method, ...pairs, 'x_http_method', 'DELETE', 'X-Method-Override', 'DELETE')).toEqual([])
  })
})

describe('the fields of an answer', () => {
  it('H1: lose those of the connection, and keep each Set-Cookie', () => {
    const answer = passAnswer(
      raw(
        'Set-Cookie',
        'a',
        'Connection',
        'x-hop, close',
        'X-Hop',
        '1',
        'Set-Cookie',
        'b',
        'Proxy-Authenticate',
        'Basic',
        'Trailer',
        'x',
        'X-Bin',
        '\xe9',
      ),
      200,
    )

    expect(answer).toEqual(['Set-Cookie', 'a', 'Set-Cookie', 'b', 'X-Bin', '\xe9'])
  })

  it('of a service never speak for us', () => {
    expect(withoutOurs(['a', '1', 'X-Tidegate-Table', 's=9;p=9', 'b', '2', 'x_tidegate_fence', 'x'])).toEqual([
      'a',
      '1',
      'b',
      '2',
    ])
  })

  it.each([204, 103])('F14: lose a length where there can be no body: %d', (status) => {
    expect(passAnswer(raw('Content-Length', '9', 'A', '1'), status)).toEqual(['A', '1'])
  })

  it('F14: keep the length of what a 304 stands for', () => {
    expect(passAnswer(raw('Content-Length', '9'), 304)).toEqual(['Content-Length', '9'])
  })

  it('H4: keep the proxies that the service names', () => {
    expect(passAnswer(raw('Via', '1.1 inner'), 200)).toEqual(['Via', '1.1 inner'])
  })
})

describe('trailers', () => {
  it.each([
    [['TE', 'trailers'], true],
    [['te', 'deflate;q=0.5, Trailers'], true],
    [['TE', 'gzip'], false],
    [[], false],
  ])('H11: go to whom says so: %j', (headers, taken) => {
    expect(takesTrailers(exchangeOf(headers))).toBe(taken)
  })

  it('H11: never go through an edge, nor to HTTP/1.0', () => {
    const x = exchangeOf(['TE', 'trailers'])
    x.markKind = 'edge'

    expect(takesTrailers(x)).toBe(false)
    expect(takesTrailers(exchangeOf(['TE', 'trailers'], { version: '1.0' }))).toBe(false)
  })

  it('H11: pass as they came, but for what frames, routes, authenticates or is ours', () => {
    const sent = raw('X-Sum', '1', 'Content-Length', '5', 'Set-Cookie', 'a', 'x_tidegate_a', '1', 'grpc-status', '0')

    expect(passTrailers(sent, true)).toEqual(['X-Sum', '1', 'grpc-status', '0'])
    const ofHttp2 = { 'grpc-status': '0', two: ['a', 'b'] }
    expect(passTrailers(ofHttp2, true)).toEqual(['grpc-status', '0', 'two', 'a', 'two', 'b'])
    expect(passTrailers([], true)).toBeUndefined()
  })

  it('are known to have been there where none of them pass', () => {
    expect(passTrailers(raw('X-Sum', '1'), false)).toEqual([])
    expect(passTrailers(raw('Content-Length', '5'), true)).toEqual([])
    expect(passTrailers([], false)).toBeUndefined()
  })

  it('H11: are announced only where they pass', () => {
    expect(passAnswer(raw('Trailer', 'X-Sum'), 200, true)).toEqual(['Trailer', 'X-Sum'])
    expect(passAnswer(raw('Trailer', 'X-Sum'), 200)).toEqual([])
  })
})
