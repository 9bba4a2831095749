import { describe, expect, it } from 'vitest'
import { queryParameters, queryRule, underRule } from '../../../gateway/cache/query-rule.ts'

describe('a query under the rule of its route', () => {
  it('Cache K1: is every byte of it where the route says nothing', () => {
    for (const query of ['', '?', '?a', '?a=', '?a=1&a=1', '?%61=1'])
      expect(underRule(queryRule({}), query)).toBe(query)
  })

  it('Cache K4: is names and values, each with its length', () => {
    expect(underRule(queryRule({ sort: true }), '?b=2&a=x+y')).toBe('1:a=3:x y&1:b=1:2&')
    expect(underRule(queryRule({ query: { only: ['é'] } }), '?%C3%A9=1&e=2')).toBe('2:\xc3\xa9=1:1&')
  })

  it('is read as forms are: empty parts are none, a name without value has an empty one, a stray percent stays', () => {
    expect(queryParameters('?a&&b=1=2&%zz=%2541')).toEqual([
      { name: 'a', value: '' },
      { name: 'b', value: '1=2' },
      { name: '%zz', value: '%41' },
    ])
    expect(queryParameters('')).toEqual([])
  })
})
