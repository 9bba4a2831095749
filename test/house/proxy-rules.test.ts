import { describe, expect, it } from 'vitest'
import { proxyRules, proxyRuleTests } from './proxy-rules.ts'
import { repositoryFiles } from './repository.ts'

const tests = proxyRuleTests(repositoryFiles(/^test\/(?!house\/).*\.test\.ts$/))

describe('each rule of the proxy', () => {
  it('is held by a test that bears its id', () => {
    const held = new Set(tests.map(({ id }) => id))

    expect(proxyRules.length).toBeGreaterThan(50)
    expect(proxyRules.filter(({ id }) => !held.has(id)).map(({ id }) => id)).toEqual([])
  })

  it('is known where a test names it', () => {
    const known = new Set(proxyRules.map(({ id }) => id))

    expect(tests.filter(({ id }) => !known.has(id))).toEqual([])
  })

  it('is found in names of every form', () => {
    const text = `it('F1: one', () => {})
      it.each([1, 2])(
        'T2, P6: %s', () => {})
      it("U1: a 'quoted' word", () => {})
      it('the F1: of others', () => {})`

    const found = proxyRuleTests([{ path: 'test/a.test.ts', text }])

    expect(found.map(({ id }) => id)).toEqual(['F1', 'T2', 'P6', 'U1'])
  })
})
