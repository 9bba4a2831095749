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

  it('Cache K4: leaves nothing out in which some service reads a parameter that counts', () => {
    const except = queryRule({ query: { except: ['utm'] } })
    const only = queryRule({ query: { only: ['order_id'] } })

    expect(underRule(except, '?utm=1')).toBe('')
    for (const query of ['?utm=1;id=5', '?utm;id=5', '?utm=1%3Bid=5']) expect(underRule(except, query)).not.toBe('')
    expect(underRule(only, '?utm=1&other_id=2')).toBe('')
    for (const query of [
      '?ORDER_ID=5',
      '?order.id=5',
      '?order+id=5',
      '?+order_id=5',
      '?order_id[]=5',
      '?order_id%00=5',
    ])
      expect(underRule(only, query)).not.toBe('')
    expect(underRule(only, '?order_id=1&order.id=5')).not.toBe(underRule(only, '?order_id=1'))
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
