import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Condition, compileConditions } from '#routes/condition.ts'
import { canBothHold, isEmptyRange } from '#routes/condition-overlap.ts'
import { readRange } from '#routes/version-range.ts'
import { conditions, said } from '../properties/generators/conditions.ts'
import { Random } from '../properties/generators/random.ts'

const at = (test: string, value: unknown): Condition => ({ from: 'country', test, value }) as Condition

describe('two conditions exclude each other', () => {
  it.each([
    [at('equals', 'DE'), at('equals', 'AT'), true],
    [at('equals', 'DE'), at('oneOf', ['AT', 'CH']), true],
    [at('oneOf', ['AT', 'DE']), at('oneOf', ['DE', 'CH']), false],
    [at('exists', false), at('equals', 'DE'), true],
    [at('exists', true), at('exists', false), true],
    [at('exists', true), at('equals', 'DE'), false],
    [at('exists', false), at('exists', false), false],
    [at('prefix', 'be'), at('equals', 'alpha'), true],
    [at('prefix', 'be'), at('equals', 'beta'), false],
    [at('prefix', 'be'), at('prefix', 'beta'), false],
    [at('prefix', 'be'), at('prefix', 'al'), true],
    [at('version', '<4.2'), at('version', '>=4.2'), true],
    [at('version', '<=4.2'), at('version', '>=4.2'), false],
    [at('version', '>=4.2 <5'), at('version', '>=5'), true],
    [at('version', '>=4.2 <5'), at('equals', '5.1'), true],
    [at('version', '>=4.2'), at('prefix', '5'), false],
  ])('%j and %j: %s', (one, other, exclusive) => {
    expect(canBothHold([one], [other])).toBe(!exclusive)
    expect(canBothHold([other], [one])).toBe(!exclusive)
  })

  it('only at the same place', () => {
    expect(canBothHold([at('equals', 'DE')], [{ from: 'header:x-country', test: 'equals', value: 'AT' }])).toBe(true)
  })

  it('and no request ever meets both of what is called exclusive', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed)
        const [one, other] = [conditions(random), conditions(random)]
        if (canBothHold(one, other)) return
        const [holds, too] = [compileConditions(one), compileConditions(other)]
        for (let asked = 0; asked < 50; asked++) {
          const facts = said(random)
          expect(holds(facts) && too(facts)).toBe(false)
        }
      }),
      { numRuns: 300 },
    )
  })
})

it.each([
  ['>5 <4', true],
  ['>4 <4', true],
  ['<0', true],
  ['=4 >4', true],
  ['>=4 <=4', false],
  ['>4.2 <4.2.1', false],
  ['<1', false],
])('%s has no version in it: %s', (range, empty) => {
  expect(isEmptyRange(readRange(range) ?? [])).toBe(empty)
})
