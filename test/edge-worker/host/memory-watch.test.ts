import { describe, expect, it } from 'vitest'
import { MemoryWatch } from '../../../edge-worker/host/memory-watch.ts'

describe('the memory of a workerd process', () => {
  it('is outgrown at the third look in a row above the ceiling', () => {
    const watch = new MemoryWatch()
    const looks = (...sizes: number[]) => sizes.map((size) => watch.outgrown(size, 100, 0))

    expect(looks(101, 101, 100, 101, 101, 101)).toEqual([false, false, false, false, false, true])
    expect(new MemoryWatch().outgrown(1e12, Number.POSITIVE_INFINITY, 0)).toBe(false)
  })

  it('is mended later and later while each successor outgrows it at once, five minutes apart at most', () => {
    const watch = new MemoryWatch()
    const replacedAt: number[] = []
    for (let now = 0; now < 3_600_000; now += 1_000) {
      if (!watch.outgrown(101, 100, now)) continue
      watch.tried(now)
      replacedAt.push(now)
    }

    const pauses = replacedAt.slice(1).map((at, index) => (at - (replacedAt[index] ?? 0)) / 1_000)
    expect(pauses.slice(0, 8)).toEqual([3, 5, 10, 20, 40, 80, 160, 300])
    expect(Math.max(...pauses)).toBe(300)
  })

  it('is mended at once again after a minute without growth', () => {
    const watch = new MemoryWatch()
    const grow = (at: number) => [0, 1, 2].map((look) => watch.outgrown(101, 100, at + look)).at(-1)
    for (const at of [0, 10_000]) {
      expect(grow(at)).toBe(true)
      watch.tried(at)
    }
    expect(grow(11_000)).toBe(false)

    expect(watch.outgrown(50, 100, 12_000)).toBe(false)
    expect(grow(90_000)).toBe(true)
    watch.tried(90_000)
    expect(grow(90_010)).toBe(true)
  })
})
