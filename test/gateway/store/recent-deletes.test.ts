import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { RecentDeletes } from '../../../gateway/store/recent-deletes.ts'
import { makeStamp } from '../../../gateway/store/stamp.ts'

const minuteMs = 60_000

function fresh(limit?: number) {
  const clock = new HeldClock()
  const deletes = new RecentDeletes({ clock, ...(limit === undefined ? {} : { limit }) })
  const stamp = (agoMs = 0) => makeStamp(clock.now() - agoMs, 0, 1)
  return { clock, deletes, stamp }
}

describe('the deletes of the last minutes', () => {
  it('Store S8: judge a write by whether its key was deleted since it was begun', () => {
    const { deletes, stamp } = fresh()
    deletes.note('shop', 'k', stamp(5))

    expect(deletes.judge('shop', 'k', stamp(6))).toBe('deleted')
    expect(deletes.judge('shop', 'k', stamp(5))).toBe('deleted')
    expect(deletes.judge('shop', 'k', stamp(4))).toBe('in-time')
    expect(deletes.judge('shop', 'other', stamp(6))).toBe('in-time')
    expect(deletes.judge('other', 'k', stamp(6))).toBe('in-time')
  })

  it('Store S8: the newest delete of a key counts, in whatever order they come', () => {
    const { deletes, stamp } = fresh()
    deletes.note('shop', 'k', stamp(1))
    deletes.note('shop', 'k', stamp(9))

    expect(deletes.judge('shop', 'k', stamp(2))).toBe('deleted')
    expect(deletes.size).toBe(1)
  })

  it('Store S8: remember for 15 minutes, and what came before that is unknown', () => {
    const { clock, deletes, stamp } = fresh()
    const first = stamp()
    deletes.note('shop', 'k', first)
    for (let minute = 1; minute <= 15; minute++) {
      clock.advance(minuteMs)
      deletes.note('shop', `k${minute}`, stamp())
      expect(deletes.judge('shop', 'k', first)).toBe('deleted')
    }
    clock.advance(5 * minuteMs)
    deletes.note('shop', 'another', stamp())

    expect(deletes.judge('shop', 'k', first)).toBe('unknown')
    expect(deletes.judge('shop', 'never deleted', stamp(19 * minuteMs))).toBe('unknown')
    expect(deletes.judge('shop', 'never deleted', stamp(minuteMs))).toBe('in-time')
  })

  it('Store S8: hold no more than their limit, and what is forgotten for it is unknown', () => {
    const { clock, deletes, stamp } = fresh(1_000)
    let most = 0
    for (let i = 0; i < 5_000; i++) {
      clock.advance(300)
      deletes.note('shop', `k${i}`, stamp())
      most = Math.max(most, deletes.size)
    }

    expect(most).toBeLessThanOrEqual(1_000)
    expect(deletes.judge('shop', 'k0', stamp(4_999 * 300))).toBe('unknown')
    expect(deletes.judge('shop', 'k4999', stamp())).toBe('deleted')
  })

  it('one stamp from a wrong clock costs its own key alone', () => {
    const { clock, deletes, stamp } = fresh()
    deletes.note('shop', 'wrong', makeStamp(clock.now() + 24 * 60 * minuteMs, 0, 1))
    for (let i = 0; i < 20; i++) {
      clock.advance(2 * minuteMs)
      deletes.note('shop', `k${i}`, stamp())
    }

    expect(deletes.judge('shop', 'another', stamp())).toBe('in-time')
  })

  it('find each of a hundred thousand again, and no other', () => {
    const { deletes, stamp } = fresh()
    for (let i = 0; i < 100_000; i++) deletes.note('shop', `product:${i}`, stamp(1))

    expect(deletes.size).toBe(100_000)
    let wrong = 0
    for (let i = 0; i < 100_000; i++) {
      if (deletes.judge('shop', `product:${i}`, stamp(2)) !== 'deleted') wrong++
      if (deletes.judge('shop', `order:${i}`, stamp(2)) !== 'in-time') wrong++
    }
    expect(wrong).toBe(0)
  })

  it('agree with a plain map', () => {
    const note = fc.record({ key: fc.string({ maxLength: 3 }), ago: fc.nat({ max: 50 }) })
    fc.assert(
      fc.property(fc.array(note, { maxLength: 200, size: 'max' }), fc.string({ maxLength: 3 }), (notes, other) => {
        const { deletes, stamp } = fresh()
        const newest = new Map<string, bigint>()
        for (const { key, ago } of notes) {
          deletes.note('shop', key, stamp(ago))
          if (stamp(ago) > (newest.get(key) ?? 0n)) newest.set(key, stamp(ago))
        }
        for (const key of [...notes.map((each) => each.key), other]) {
          const expected = (newest.get(key) ?? 0n) >= stamp(25) ? 'deleted' : 'in-time'
          expect(deletes.judge('shop', key, stamp(25))).toBe(expected)
        }
      }),
      { numRuns: 100 },
    )
  })
})
