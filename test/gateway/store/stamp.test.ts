import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { makeStamp, StampClock, stampMs, stampWriter } from '../../../gateway/store/stamp.ts'

describe('the stamp clock', () => {
  it('only goes up, whatever its clock and the stamps of others do', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: -5_000, max: 5_000 }) }),
      fc.record({ kind: fc.constant('see' as const), ms: fc.integer({ min: -5_000, max: 50_000 }) }),
      fc.record({ kind: fc.constant('take' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const clock = new HeldClock()
        const stamps = new StampClock(clock, 3)
        let highest = 0n
        for (const each of steps) {
          if (each.kind === 'pass') clock.advance(each.ms)
          else if (each.kind === 'see') {
            const foreign = makeStamp(clock.now() + each.ms, 9, 4)
            stamps.see(foreign)
            if (foreign > highest) highest = foreign
          } else {
            const stamp = stamps.next()
            expect(stamp > highest).toBe(true)
            expect(stampWriter(stamp)).toBe(3)
            highest = stamp
          }
        }
      }),
    )
  })

  it('takes the next millisecond when one is used up', () => {
    const clock = new HeldClock()
    clock.advance(1)
    const stamps = new StampClock(clock, 0)
    const taken = Array.from({ length: 5_000 }, () => stamps.next())

    expect(new Set(taken).size).toBe(5_000)
    expect(stampMs(taken[4_095] as bigint)).toBe(clock.now())
    expect(stampMs(taken[4_096] as bigint)).toBe(clock.now() + 1)
  })

  it('raises the alarm above half a second of skew and believes nothing above a minute', () => {
    const clock = new HeldClock()
    const stamps = new StampClock(clock, 0)
    const ahead = (ms: number): bigint => makeStamp(clock.now() + ms, 0, 1)

    expect(stamps.see(ahead(500))).toBe('near')
    expect(stamps.see(ahead(501))).toBe('ahead')
    expect(stampMs(stamps.next())).toBe(clock.now() + 501)
    expect(stamps.see(ahead(60_001))).toBe('beyond')
    expect(stampMs(stamps.next())).toBe(clock.now() + 501)
  })

  it('does not start with a writer id that has no room in a stamp', () => {
    for (const writer of [-1, 256, 1.5]) {
      expect(() => new StampClock(new HeldClock(), writer)).toThrow(
        expect.objectContaining({ code: 'cache-writer-invalid' }),
      )
    }
  })

  it('believes what its own clock can have given, also after that clock went back', () => {
    const clock = new HeldClock()
    clock.advance(3_600_000)
    const stamps = new StampClock(clock, 1)
    const own = stamps.next()
    clock.advance(-600_000)

    expect(stamps.believes(own)).toBe(true)
    expect(stamps.believes(stamps.next())).toBe(true)
    expect(stamps.believes(makeStamp(stampMs(own) + 60_001, 0, 2))).toBe(false)
  })

  it('tells of a wrong clock once a minute, however many stamps show it', () => {
    const clock = new HeldClock()
    const stamps = new StampClock(clock, 1)

    expect([stamps.alarm(), stamps.alarm()]).toEqual([true, false])
    clock.advance(60_000)
    expect([stamps.alarm(), stamps.alarm()]).toEqual([true, false])
  })
})
