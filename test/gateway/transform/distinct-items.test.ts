import { describe, expect, it } from 'vitest'
import { areDistinct } from '../../../gateway/transform/distinct-items.ts'

describe('items', () => {
  it.each([
    [[], true],
    [[1, '1', true, 'true', null, 'null', [1], { 1: 1 }], true],
    [[1, 2, 1], false],
    [
      [
        { a: 1, b: [2] },
        { b: [2], a: 1 },
      ],
      false,
    ],
    [[{ a: 1 }, { a: 1, b: undefined }], false],
    [
      [
        [1, 2],
        [2, 1],
      ],
      true,
    ],
    [[JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":2}')], true],
  ])('%j are distinct: %s', (items, expected) => {
    expect(areDistinct(items, { left: 10_000 })).toBe(expected)
  })

  it('that cannot be written within the steps that are left count as equal', () => {
    expect(areDistinct(['a'.repeat(100)], { left: 100 })).toBe(false)
  })
})
