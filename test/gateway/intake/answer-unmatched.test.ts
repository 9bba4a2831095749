import { describe, expect, it } from 'vitest'
import type { Problem } from '#routes/problem.ts'
import { answerUnmatched } from '../../../gateway/intake/answer-unmatched.ts'
import { decideRequest } from '../../../gateway/intake/decide-request.ts'
import { placementSet, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf, type RequestLine } from '../exchange.ts'

const table = await tableOf(
  structure([route('/v1/orders', { host: 'api.example.com', methods: ['GET', 'POST'] })]),
  placementSet([]),
)

function answer(line: RequestLine) {
  const x = exchangeOf([], line)
  decideRequest(x, table)
  try {
    return answerUnmatched(x)
  } catch (thrown) {
    const { code, status, facts } = thrown as Problem
    return { code, status, allow: facts['allow'] }
  }
}

describe('a request that no route takes', () => {
  it('is 405 with the methods of its path', () => {
    const refused = { code: 'method-unknown', status: 405, allow: 'GET, HEAD, OPTIONS, POST' }

    expect(answer({ method: 'DELETE', target: '/v1/orders?x=1' })).toEqual(refused)
  })

  it('gets these methods without a fault when it asked for them', () => {
    expect(answer({ method: 'OPTIONS', target: '/v1/orders' })).toEqual({
      status: 204,
      reason: '',
      headers: ['allow', 'GET, HEAD, OPTIONS, POST'],
      body: undefined,
    })
  })

  it('is 421 for a host that the table does not have, T2: as absolute targets bring them', () => {
    expect(answer({ target: '/v1/orders', host: 'other.test' })).toMatchObject({ code: 'host-unknown', status: 421 })
  })

  it('is 404 for a path that nobody has', () => {
    expect(answer({ target: '/elsewhere' })).toMatchObject({ code: 'route-unknown', status: 404 })
    expect(answer({ method: 'OPTIONS', target: '/elsewhere' })).toMatchObject({ code: 'route-unknown' })
  })
})
