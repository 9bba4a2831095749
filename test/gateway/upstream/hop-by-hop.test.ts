import { describe, expect, it } from 'vitest'
import { lowerNames } from '../../../gateway/header-pairs.ts'
import { passAnswer, passRequest, withoutOurs } from '../../../gateway/upstream/hop-by-hop.ts'

const passed = (...pairs: string[]) => passRequest(pairs, lowerNames(pairs), [], 'GET')
const raw = (...pairs: string[]) => pairs.map((text) => Buffer.from(text, 'latin1'))

describe('the fields of a request', () => {
  it('pass in order, with their case and repetition', () => {
    const pairs = ['X-B', '1', 'x-a', '2', 'X-B', '3', 'Cookie', 'a=1', 'Cookie', 'b=2']

    expect(passed(...pairs)).toEqual(pairs)
  })

  it('of one connection end here, and with them what Connection names', () => {
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

  it.each(['Authorization', 'Cookie', 'Content-Type', 'Range', 'If-Match', 'traceparent', 'Cache-Control'])(
    'are not lost because Connection names them: %s',
    (name) => {
      expect(passed('Connection', name, name, 'value')).toEqual([name, 'value'])
    },
  )

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
  ])('that only our programs may write are removed: %s', (name) => {
    expect(passed(name, 'value', 'X-Other', '1')).toEqual(['X-Other', '1'])
  })
})

describe('a method in a header', () => {
  const pairs = ['X-HTTP-Method-Override', 'DELETE']
  const of = (method: string, ...fields: string[]) => passRequest(fields, lowerNames(fields), [], method)

  it('passes with a POST, as old clients send it', () => {
    expect(of('POST', ...pairs)).toEqual(pairs)
  })

  it.each(['GET', 'HEAD', 'PUT', 'OPTIONS'])('makes nothing else of a %s', (method) => {
    expect(of(method, ...pairs, 'x_http_method', 'DELETE', 'X-Method-Override', 'DELETE')).toEqual([])
  })
})

describe('the fields of an answer', () => {
  it('lose those of the connection, and keep each Set-Cookie', () => {
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
})
