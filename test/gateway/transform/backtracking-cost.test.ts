import { describe, expect, it } from 'vitest'
import { backtrackingCost } from '../../../gateway/transform/backtracking-cost.ts'

describe('what backtracking costs', () => {
  it.each([
    ['^[A-Z]{3}$', 1, 1],
    ['^[a-z]+$', 1, 1],
    ['[a-z]+', 2, 1],
    ['^a*b*$', 2, 1],
    ['^(?:a|b)$', 1, 2],
    ['^(?=.*[A-Z])(?=.*\\d).{8,}$', 1, 1],
    ['(?!x)a?b?', 3, 1],
    ['^\\*\\+[*+?]$', 1, 1],
    ['^a*?$', 1, 1],
  ])('%s: n to the %i, times %i', (source, exponent, factor) => {
    expect(backtrackingCost(source)).toEqual({ exponent, factor })
  })

  it.each(['(a+)+', '(a|b)*', '(?:ab){2,}'])('has no bound with a repeated group: %s', (source) => {
    expect(backtrackingCost(source)).toBeUndefined()
  })
})
