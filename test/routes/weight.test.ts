import { describe, expect, it } from 'vitest'
import { weightOf } from '#routes/weight.ts'

describe('how much a client likes something', () => {
  it.each([
    ['', 1],
    [';q=0.5', 0.5],
    [';level=1; q = 0.125', 0.125],
    [';q=1.000', 1],
    [';q=0', 0],
    [';q=1.5', 0],
    [';q=-1', 0],
    [';q=0.1234', 0],
    [';q=Infinity', 0],
    [';q', 0],
  ])('is by %j %d', (parameters, expected) => {
    expect(weightOf(parameters.split(';').slice(1))).toBe(expected)
  })
})
