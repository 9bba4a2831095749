import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import { featuresOf } from '../../../gateway/account/features.ts'
import type { Answer } from '../../../gateway/answer.ts'
import { placementSet, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf, type RequestLine } from '../exchange.ts'

const hosts = [{ name: 'api.example.com', aliases: [], unsafeTargets: 'observe' as const }]
const table = await tableOf(structure([route('/v1/**')], { hosts }), placementSet([]))
const plain: Answer = { status: 200, reason: '', headers: ['content-length', '2'], body: undefined }

function found(headers: readonly string[], line: RequestLine = {}, answer: Partial<Answer> = {}) {
  const x = exchangeOf(headers, line)
  x.table = table
  x.decision = decide(table, x)
  return featuresOf(x, { ...plain, ...answer }, 'done')
}

describe('the oddities of a request', () => {
  it('are none for the usual one', () => {
    const usual = ['Host', 'api.example.com', 'User-Agent', 'App/1', 'Accept', '*/*', 'content-type', 'text/plain']

    expect(found(usual, { target: '/v1/orders/1?a=1&b=2' })).toEqual([])
  })

  it.each([
    ['/v1//orders', ['double-slash']],
    ['/v1/a%2fb', ['encoded-slash', 'escape', 'escape-not-canonical']],
    ['/v1/a%2Fb', ['encoded-slash', 'escape']],
    ['/v1/%41', ['escape-not-canonical', 'upper-case-path']],
    ['/v1/a;b=1', ['path-parameter']],
    ['/v1/Orders', ['upper-case-path']],
    ['/v1/orders/', ['trailing-slash']],
    ['/v1/a?x=1&x=2', ['query-repeated']],
    ['/v1/./a', ['dot-segment']],
  ])('of a target are named: %s', (target, expected) => {
    expect(found([], { target }).toSorted()).toEqual(expected.toSorted())
  })

  it.each([
    [['X-deviceID', '1'], 'header-case'],
    [['x-a', '1', 'X-A', '2'], 'header-repeated'],
    [['Cookie', 'a=1', 'Cookie', 'b=2'], 'cookies-apart'],
    [['Expect', '100-continue'], 'expect'],
    [['Keep-Alive', 'timeout=5'], 'keep-alive'],
    [['Upgrade', 'h2c'], 'upgrade-ignored'],
    [['Range', 'bytes=0-1'], 'range'],
    [['If-None-Match', '"a"'], 'conditional'],
    [['TE', 'trailers'], 'te-trailers'],
    [['X-Name', 'M\xfcller'], 'header-latin1'],
  ])('of its fields are named: %s', (headers, expected) => {
    expect(found(headers)).toEqual([expected])
  })

  it('are none for a field named like what every object has', () => {
    expect(found(['constructor', 'x'])).toEqual([])
    expect(found(['__proto__', 'x'])).toEqual(['header-case'])
  })

  it('of method and version are named', () => {
    expect(found([], { method: 'PURGE', version: '1.0' })).toEqual(['method-unusual', 'http-1.0'])
  })

  it('of the answer are named, if it is the service’s', () => {
    const headers = ['Set-Cookie', 'a=1; Domain=x', 'content-encoding', 'br', 'Location', '/x']

    expect(found([], {}, { status: 299, headers })).toEqual([
      'status-unusual',
      'set-cookie-domain',
      'answer-coded',
      'location',
      'answer-chunked',
    ])
    expect(found([], {}, { status: 503, problem: { code: 'held' } as never })).toEqual([])
  })
})
