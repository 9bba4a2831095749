import { describe, expect, it } from 'vitest'
import type { RouteRecord } from '#routes/gateway-answers.ts'
import { pathAdvice } from '../../../control-plane/cli/commands/path-advice.ts'

const record = (route: string, features: Record<string, number>): RouteRecord => ({
  route,
  unit: 'orders',
  host: '',
  requests: 100,
  largestRequestBytes: 0,
  largestAnswerBytes: 0,
  longestMs: 0,
  features: Object.entries(features).map(([feature, count]) => ({
    feature,
    count,
    share: count / 100,
    firstSeen: 0,
    lastSeen: 0,
    examples: [`GET /${feature}`],
  })),
})

describe('advice about paths', () => {
  it('is to reject where nothing unsafe is asked for, whatever else is odd', () => {
    expect(pathAdvice([record('a', { 'upper-case-path': 7, 'trailing-slash': 3 })])).toEqual({
      requests: 100,
      policy: 'reject',
      routes: [],
    })
  })

  it('names what a route must accept for that, once for all sites', () => {
    const records = [record('a', { 'double-slash': 2 }), record('a', { 'double-slash': 3 })]

    expect(pathAdvice(records)).toEqual({
      requests: 200,
      policy: 'reject',
      routes: [{ route: 'a', unsafe: 'double-slash', count: 5, accepts: true, example: 'GET /double-slash' }],
    })
  })

  it('is to observe on where clients send what no route may accept', () => {
    expect(pathAdvice([record('a', { 'dot-segment': 1 }), record('b', { 'encoded-slash': 9 })])).toMatchObject({
      policy: 'observe',
      routes: [
        { route: 'b', accepts: true },
        { route: 'a', accepts: false },
      ],
    })
  })
})
