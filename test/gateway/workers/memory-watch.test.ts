import { expect, it } from 'vitest'
import { MemoryWatch } from '../../../gateway/workers/memory-watch.ts'

it('a worker has outgrown its memory at the fifth look in a row above the limit, and is told of once', () => {
  const watch = new MemoryWatch(100)
  const looks = (...sizes: number[]) => sizes.map((size) => watch.outgrown(size))

  expect(looks(101, 101, 101, 101, 100)).toEqual([false, false, false, false, false])
  expect(looks(101, 101, 101, 101, 101, 101)).toEqual([false, false, false, false, true, false])
  expect(new MemoryWatch(Number.POSITIVE_INFINITY).outgrown(1e12)).toBe(false)
})
