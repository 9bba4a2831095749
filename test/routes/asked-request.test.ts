import { describe, expect, it } from 'vitest'
import { type AskedRequest, askedRequest } from '../../routes/asked-request.ts'

const asked = (request: Partial<AskedRequest>) => askedRequest({ method: 'GET', url: '/', ...request })

describe('a request that an operator asks about', () => {
  it.each([
    ['https://api.example.com/v1/%2e/a?x=1&x', 'api.example.com', '/v1/%2e/a?x=1&x'],
    ['HTTP://api.example.com:8080', 'api.example.com:8080', '/'],
    ['http://api.example.com?x=1', 'api.example.com', '/?x=1'],
    ['http://api.example.com/a#b', 'api.example.com', '/a'],
    ['/v1//a', '', '/v1//a'],
    ['*', '', '*'],
  ])('keeps its target as it is written: %s', (url, host, target) => {
    expect(asked({ url })).toMatchObject({ host, target })
  })

  it('is on the host that its headers name, whatever their case', () => {
    const facts = asked({ url: 'http://127.0.0.1/a', headers: { Host: 'api.example.com', 'X-A': '1' } })

    expect([facts.host, facts.header('x-a'), facts.header('constructor')]).toEqual(['api.example.com', '1', undefined])
  })

  it('comes from the country that is told, else from nobody knows where', () => {
    expect([asked({ country: 'DE' }).country, asked({}).country]).toEqual(['DE', undefined])
  })

  it('has the key of its sticky cookie, whoever signed that', () => {
    const keys = ['a=1; tidegate-sticky=abc.1.k1.mac', 'tidegate-sticky=', 'a=1'].map(
      (cookie) => asked({ headers: { Cookie: cookie } }).sticky,
    )

    expect(keys).toEqual(['abc', '', undefined])
  })
})
