import { describe, expect, it } from 'vitest'
import { cacheRules } from '../../../gateway/cache/cache-rules.ts'
import { cachePolicy } from './asked.ts'

const rulesOf = cacheRules(['x-tidegate-cache-control', 'cdn-cache-control'], [])
const negative = { statuses: { '404': 5_000, '5xx': 90_000 }, connectMs: 1_000 }
const own = { ...cachePolicy, override: true, staleWhileRevalidateMs: 500, staleIfErrorMs: 2_000, negative } as const

describe('the rules of a route', () => {
  it('are its times in seconds, a failure for each of its statuses, and at most a minute', () => {
    const rules = rulesOf(own)

    expect(rules).toMatchObject({ ttlS: 60, override: true, staleWhileRevalidateS: 0.5, staleIfErrorS: 2 })
    expect([...rules.negative]).toEqual([
      [404, 5],
      [500, 60],
      [502, 60],
      [503, 60],
      [504, 60],
      ['connect', 1],
    ])
  })

  it('leave out all times of the operator under strict', () => {
    const {
      ttlS,
      override,
      staleWhileRevalidateS,
      staleIfErrorS,
      negative: kept,
    } = rulesOf({ ...own, profile: 'strict' })

    expect([ttlS, override, staleWhileRevalidateS, staleIfErrorS, kept.size]).toEqual([
      undefined,
      false,
      undefined,
      undefined,
      0,
    ])
  })

  it('take the targeted fields of the site, unless the route has its own', () => {
    expect(rulesOf(cachePolicy).targeted).toEqual(['x-tidegate-cache-control', 'cdn-cache-control'])
    expect(rulesOf({ ...cachePolicy, targeted: ['surrogate-control'] }).targeted).toEqual(['surrogate-control'])
  })

  it('are made once a policy', () => {
    expect(rulesOf(cachePolicy)).toBe(rulesOf(cachePolicy))
  })
})
