import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BoundedQueue, type WhenFull } from '#server-kit/bounded-queue.ts'

describe('a bounded queue', () => {
  it('refuses the newcomer when full, and counts it', () => {
    const queue = new BoundedQueue<number>(2, 'refuse')

    expect([queue.push(1), queue.push(2), queue.push(3)]).toEqual([true, true, false])
    expect([queue.shift(), queue.shift(), queue.shift()]).toEqual([1, 2, undefined])
    expect(queue.dropped).toBe(1)
  })

  it('drops the oldest when full, and counts it', () => {
    const queue = new BoundedQueue<number>(2, 'drop-oldest')

    for (const item of [1, 2, 3]) queue.push(item)

    expect([queue.size, queue.dropped, queue.peek()]).toEqual([2, 1, 2])
    expect([queue.shift(), queue.shift()]).toEqual([2, 3])
  })

  it('behaves as a plain list would, whatever comes and goes', () => {
    const steps = fc.array(fc.oneof(fc.nat(), fc.constant('shift' as const), fc.constant('clear' as const)), {
      maxLength: 60,
    })
    const policies = fc.constantFrom<WhenFull>('refuse', 'drop-oldest')
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), policies, steps, (limit, whenFull, all) => {
        const queue = new BoundedQueue<number>(limit, whenFull)
        let list: number[] = []
        for (const step of all) {
          if (step === 'shift') expect(queue.shift()).toBe(list.shift())
          else if (step === 'clear') {
            queue.clear()
            list = []
          } else {
            queue.push(step)
            if (list.length < limit) list.push(step)
            else if (whenFull === 'drop-oldest') list = [...list.slice(1), step]
          }
          expect([queue.size, queue.peek()]).toEqual([list.length, list[0]])
        }
      }),
    )
  })
})
