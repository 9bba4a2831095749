import { describe, expect, it } from 'vitest'
import { runsOf, unfoldRuns } from '#routes/runs.ts'

describe('runs of equal names', () => {
  it('unfold to the names again', () => {
    const names = ['a', 'a', 'a', 'b', 'a', 'c', 'c']

    expect(runsOf(names)).toEqual(['a', 3, 'b', 1, 'a', 1, 'c', 2])
    expect(unfoldRuns(runsOf(names), 7)).toEqual(names)
    expect(unfoldRuns([], 7)).toEqual([])
  })

  it('are refused when they do not pair or name too many', () => {
    for (const parts of [['a'], ['a', 'b'], [1, 'a'], ['a', 8], ['a', 4, 'b', 4]]) {
      expect(unfoldRuns(parts, 7)).toBeUndefined()
    }
    expect(unfoldRuns(undefined, 7)).toBeUndefined()
  })
})
