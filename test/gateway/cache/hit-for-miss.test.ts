import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { HitForMiss } from '../../../gateway/cache/hit-for-miss.ts'

describe('hit for miss', () => {
  it('Cache W3: a key whose answer could not be stored is marked for 30 s', () => {
    const clock = new HeldClock()
    const marks = new HitForMiss({ clock })

    marks.answered('k', 'r', false)

    expect(marks.isMarked('k')).toBe(true)
    expect(marks.isMarked('other')).toBe(false)
    clock.advance(29_999)
    expect(marks.isMarked('k')).toBe(true)
    clock.advance(1)
    expect(marks.isMarked('k')).toBe(false)
    expect(marks.marks).toBe(0)
  })

  it('Cache W3: an answer that can be stored removes the mark', () => {
    const marks = new HitForMiss({ clock: new HeldClock() })
    marks.answered('k', 'r', false)

    marks.answered('k', 'r', true)

    expect(marks.isMarked('k')).toBe(false)
  })

  it('Cache W3: marks are bounded, and the oldest goes first', () => {
    const marks = new HitForMiss({ clock: new HeldClock(), marks: 3 })
    for (const key of ['a', 'b', 'c']) marks.answered(key, 'r', false)
    // Marked anew: it is the youngest now.
    marks.answered('a', 'r', false)

    marks.answered('d', 'r', false)

    expect(['a', 'b', 'c', 'd'].filter((key) => marks.isMarked(key))).toEqual(['a', 'c', 'd'])
    expect(marks.marks).toBe(3)
  })

  it('Cache W3: eight unstorable answers of a route tell what the next will be; seven do not', () => {
    const marks = new HitForMiss({ clock: new HeldClock() })
    for (let at = 0; at < 7; at++) marks.answered(`k${at}`, 'r', false)
    expect(marks.predicts('r')).toBe(false)

    marks.answered('k7', 'r', false)

    expect(marks.predicts('r')).toBe(true)
    expect(marks.predicts('another')).toBe(false)
  })

  it('Cache W3: one storable answer ends the prediction for the next seven', () => {
    const marks = new HitForMiss({ clock: new HeldClock() })
    for (let at = 0; at < 20; at++) marks.answered(`k${at}`, 'r', false)

    marks.answered('good', 'r', true)
    for (let at = 0; at < 7; at++) {
      marks.answered(`k${at}`, 'r', false)
      expect(marks.predicts('r')).toBe(false)
    }
    marks.answered('k', 'r', false)

    expect(marks.predicts('r')).toBe(true)
  })

  it('Cache W3: one in 32 requests of such a route tries all the same', () => {
    const marks = new HitForMiss({ clock: new HeldClock() })
    for (let at = 0; at < 8; at++) marks.answered(`k${at}`, 'r', false)

    const tries = Array.from({ length: 96 }, () => marks.predicts('r')).filter((predicted) => !predicted)

    expect(tries).toHaveLength(3)
  })
})
