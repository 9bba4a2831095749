import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { seededRandom, systemRandom } from '#server-kit/random.ts'

const ulid = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

describe('randomness', () => {
  it('the same seed gives the same numbers, bytes and ids; another seed gives others', () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed)
      return [random.next(), random.bytes(8).join(), random.id()]
    }

    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  it('numbers spread evenly from 0 to below 1', () => {
    const random = seededRandom(1)
    const tenths = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 10_000; i++) {
      const tenth = Math.floor(random.next() * 10)
      tenths[tenth] = (tenths[tenth] ?? 0) + 1
    }

    expect(tenths).toHaveLength(10)
    expect(Math.min(...tenths)).toBeGreaterThan(850)
    expect(Math.max(...tenths)).toBeLessThan(1_150)
  })

  it.each([
    ['the system', systemRandom],
    ['a seed', seededRandom(3)],
  ])('ids of %s are ULIDs, all different, in order', (_, random) => {
    const ids = Array.from({ length: 2_000 }, () => random.id())

    expect(ids.every((id) => ulid.test(id))).toBe(true)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.toSorted()).toEqual(ids)
  })

  it('an id begins with its time, also after the clock went back', () => {
    const clock = new HeldClock(Date.UTC(2026, 0, 1))
    const random = seededRandom(3, clock)

    const first = random.id()
    clock.advance(-5_000)
    const second = random.id()
    clock.advance(65_000)
    const later = random.id()

    expect(second.slice(0, 10)).toBe(first.slice(0, 10))
    expect([first, second, later].toSorted()).toEqual([first, second, later])
    expect(later.slice(0, 10)).not.toBe(first.slice(0, 10))
  })
})
