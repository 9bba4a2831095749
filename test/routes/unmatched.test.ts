import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import { whyUnmatched } from '#routes/unmatched.ts'
import { placementSet, request, route, structure, tableOf } from '../support/tables.ts'

const host = 'api.example.com'
const table = await tableOf(
  structure([
    route('/v1/orders', { host, methods: ['POST', 'GET'] }),
    route('/v1/orders/{id}', { host, methods: ['DELETE'] }),
    route('/v1/orders/{id}', { host, methods: ['GET'], when: [{ from: 'country', test: 'equals', value: 'DE' }] }),
  ]),
  placementSet([]),
)
const why = (method: string, target: string, asked = host, country?: string) => {
  const facts = { ...request(method, target, {}, asked), country }
  return whyUnmatched(table, facts, decide(table, facts))
}

describe('a request that no route takes', () => {
  it('is told the methods of its path, HEAD with GET, and OPTIONS', () => {
    expect(why('PUT', '/v1/orders')).toEqual({ kind: 'method-unknown', allow: ['GET', 'HEAD', 'OPTIONS', 'POST'] })
  })

  it('is told only those whose conditions it meets', () => {
    expect(why('PUT', '/v1/orders/7')).toEqual({ kind: 'method-unknown', allow: ['DELETE', 'OPTIONS'] })
    expect(why('PUT', '/v1/orders/7', host, 'DE')).toMatchObject({ allow: ['DELETE', 'GET', 'HEAD', 'OPTIONS'] })
  })

  it('is for an unknown path, or for an unknown host where the table names its hosts', () => {
    expect(why('GET', '/elsewhere')).toEqual({ kind: 'route-unknown' })
    expect(why('GET', '/v1/orders', 'other.test')).toEqual({ kind: 'host-unknown' })
  })

  it('is never for an unknown host where a route takes any, or none is named', async () => {
    const facts = request('GET', '/elsewhere', {}, 'other.test')
    const anyHost = await tableOf(structure([route('/v1/orders')]), placementSet([]))
    const noHosts = await tableOf(structure([route('/a', { host: 'x.test' })], { hosts: [] }), placementSet([]))

    for (const one of [anyHost, noHosts]) {
      expect(whyUnmatched(one, facts, decide(one, facts))).toEqual({ kind: 'route-unknown' })
    }
  })
})
