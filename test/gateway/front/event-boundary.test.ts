import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventBoundary } from '../../../gateway/front/event-boundary.ts'

describe('the place between two events', () => {
  it.each([
    ['nothing yet', '', true],
    ['an event', 'data: 1\n\n', true],
    ['an event with CR LF', 'data: 1\r\n\r\n', true],
    ['an event with CR', 'data: 1\r\r', true],
    ['mixed line ends', 'data: 1\r\n\n', true],
    ['half an event', 'data: 1', false],
    ['a line', 'data: 1\n', false],
    ['a line with CR LF, which is one end and not two', 'data: 1\r\n', false],
    ['an event and half the next', 'data: 1\n\ndata', false],
  ])('is found behind %s', (_, text, here) => {
    const boundary = new EventBoundary()

    boundary.passed(Buffer.from(text))

    expect(boundary.here).toBe(here)
  })

  it('is the same however the stream is cut into pieces', () => {
    const word = fc.constantFrom('data: x', '\n', '\r\n', '\r', ':', 'id: 7')
    fc.assert(
      fc.property(fc.array(word), fc.array(fc.nat(40)), (words, cuts) => {
        const whole = Buffer.from(words.join(''))
        const at = new EventBoundary()
        at.passed(whole)
        const pieces = new EventBoundary()
        let from = 0
        for (const cut of cuts) {
          pieces.passed(whole.subarray(from, from + cut))
          from += cut
        }
        pieces.passed(whole.subarray(from))
        expect(pieces.here).toBe(at.here)
      }),
    )
  })

  it('is told within a piece, behind what went before', () => {
    const boundary = new EventBoundary()
    boundary.passed(Buffer.from('data: 1\r'))

    expect(boundary.within(Buffer.from('\ndata: 2\r\n\r\ndata: 3\n\n'))).toBe('\ndata: 2\r\n\r\n'.length)
    expect(boundary.within(Buffer.from('\n\r\nrest'))).toBe(3)
    expect(boundary.within(Buffer.from('more of it'))).toBeUndefined()
  })
})
