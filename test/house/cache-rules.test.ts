import { describe, expect, it } from 'vitest'
import { allCases } from '../../bench/support/caching/all-cases.ts'
import { cacheRules, cacheRuleTests, ruleOfCases } from './cache-rules.ts'
import { repositoryFiles } from './repository.ts'

const tests = cacheRuleTests(repositoryFiles(/^test\/(?!house\/).*\.test\.ts$/))

describe('each rule of the response cache', () => {
  it('is held by a test that bears its id, or by cases over HTTP', () => {
    const held = new Set([...tests.map(({ id }) => id), ...ruleOfCases])

    expect(cacheRules.length).toBeGreaterThan(75)
    expect(cacheRules.filter(({ id }) => !held.has(id)).map(({ id }) => id)).toEqual([])
  })

  it('is known where a test or a case names it', () => {
    const known = new Set(cacheRules.map(({ id }) => id))

    expect(tests.filter(({ id }) => !known.has(id))).toEqual([])
    expect([...ruleOfCases].filter((id) => !known.has(id))).toEqual([])
  })

  it('is found in names of every form, and not where a rule of the proxy is meant', () => {
    const text = `it('Cache F1: one', () => {})
      it.each([1, 2])(
        'Cache AU1: %s', () => {})
      it('F1: of the proxy', () => {})
      it('a Cache F2: in the middle', () => {})`

    const found = cacheRuleTests([{ path: 'test/a.test.ts', text }])

    expect(found.map(({ id }) => id)).toEqual(['F1', 'AU1'])
  })
})

describe('each case of the caching suite', () => {
  it('has a name of its own within its rule', () => {
    const names = allCases.map(({ id, name, route }) => `${id} ${route}: ${name}`)

    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
  })

  it('expects something: its last step looks at an answer', () => {
    expect(allCases.length).toBeGreaterThan(300)
    expect(allCases.filter(({ steps }) => steps.at(-1)?.purge !== undefined)).toEqual([])
  })
})
