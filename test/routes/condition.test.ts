import { describe, expect, it } from 'vitest'
import { type Condition, compileCondition, compileConditions } from '#routes/condition.ts'

interface Said {
  readonly query?: string
  readonly headers?: Record<string, string>
  readonly country?: string
}

const facts = ({ query = '', headers = {}, country }: Said) => ({
  target: `/x${query}`,
  country,
  header: (name: string) => headers[name],
})
const holds = (condition: Condition, said: Said) => compileCondition(condition)(facts(said))

describe('a condition', () => {
  it('compares a header as a whole and as it is', () => {
    const channel: Condition = { from: 'header:x-channel', test: 'equals', value: 'beta' }

    expect(holds(channel, { headers: { 'x-channel': 'beta' } })).toBe(true)
    expect(holds(channel, { headers: { 'x-channel': 'Beta' } })).toBe(false)
    expect(holds(channel, { headers: { 'x-channel': 'beta, beta' } })).toBe(false)
    expect(holds(channel, {})).toBe(false)
  })

  it('takes the first query value of a name, decoded, and leaves a plus a plus', () => {
    const query = (value: string): Condition => ({ from: 'query:name', test: 'equals', value })

    expect(holds(query('a b'), { query: '?name=a%20b&name=c' })).toBe(true)
    expect(holds(query('c'), { query: '?name=a&name=c' })).toBe(false)
    expect(holds(query('a+b'), { query: '?name=a+b' })).toBe(true)
    expect(holds(query('1'), { query: '?na%6De=1' })).toBe(true)
    expect(holds(query(''), { query: '?name' })).toBe(true)
    expect(holds(query('%ff'), { query: '?name=%ff' })).toBe(true)
    expect(holds(query('1'), { query: '?surname=1' })).toBe(false)
    expect(holds(query('1'), { query: '' })).toBe(false)
  })

  it('finds a cookie among others', () => {
    const cookie: Condition = { from: 'cookie:beta', test: 'prefix', value: 'on' }

    expect(holds(cookie, { headers: { cookie: 'alphabeta=off; beta=on2' } })).toBe(true)
    expect(holds(cookie, { headers: { cookie: 'alphabeta=on' } })).toBe(false)
  })

  it('knows a country only where an edge said it', () => {
    const country: Condition = { from: 'country', test: 'oneOf', value: ['DE', 'AT'] }

    expect(holds(country, { country: 'AT' })).toBe(true)
    expect(holds(country, { country: 'FR' })).toBe(false)
    expect(holds(country, {})).toBe(false)
    expect(holds({ from: 'country', test: 'exists', value: false }, {})).toBe(true)
  })

  it('asks whether something is there, be it empty', () => {
    const there = (value: boolean): Condition => ({ from: 'header:x-a', test: 'exists', value })

    expect(holds(there(true), { headers: { 'x-a': '' } })).toBe(true)
    expect(holds(there(false), { headers: { 'x-a': '' } })).toBe(false)
    expect(holds(there(false), {})).toBe(true)
  })

  it('holds a version to a range, and what is no version to none', () => {
    const version: Condition = { from: 'header:x-app-version', test: 'version', value: '>=4.2 <5' }

    expect(holds(version, { headers: { 'x-app-version': '4.10' } })).toBe(true)
    expect(holds(version, { headers: { 'x-app-version': 'latest' } })).toBe(false)
    expect(holds(version, {})).toBe(false)
  })
})

it('all conditions of a route must hold', () => {
  const both = compileConditions([
    { from: 'country', test: 'equals', value: 'DE' },
    { from: 'query:v', test: 'equals', value: '2' },
  ])

  expect(both(facts({ country: 'DE', query: '?v=2' }))).toBe(true)
  expect(both(facts({ country: 'DE', query: '?v=3' }))).toBe(false)
})
