import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { closeFrame, FrameBoundary } from '../../../gateway/front/frame-boundary.ts'

/** A frame as RFC 6455 section 5.2 writes it. */
function frame(opcode: number, length: number, masked: boolean): Buffer {
  const head = [0x80 | opcode]
  const mask = masked ? 0x80 : 0
  if (length < 126) head.push(mask | length)
  else if (length < 65_536) head.push(mask | 126, length >> 8, length & 0xff)
  else head.push(mask | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff)
  if (masked) head.push(1, 2, 3, 4)
  return Buffer.concat([Buffer.from(head), Buffer.alloc(length, 'x')])
}

const frames = fc.array(
  fc.record({
    opcode: fc.constantFrom(0, 1, 2, 9, 10),
    length: fc.oneof(fc.nat(130), fc.integer({ min: 65_530, max: 65_540 })),
    masked: fc.boolean(),
  }),
  { minLength: 1, maxLength: 5 },
)

describe('the place between two frames', () => {
  it('is found wherever the bytes are cut, and nowhere else', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 70_000 }), { maxLength: 8 }), (all, cuts) => {
        const parts = all.map(({ opcode, length, masked }) => frame(opcode, length, masked))
        const ends = new Set([0])
        let sum = 0
        for (const part of parts) {
          sum += part.length
          ends.add(sum)
        }
        const whole = Buffer.concat(parts)
        const boundary = new FrameBoundary()
        let at = 0
        for (const cut of [...cuts, whole.length]) {
          boundary.passed(whole.subarray(at, at + cut))
          at = Math.min(whole.length, at + cut)
          expect(boundary.here).toBe(ends.has(at))
        }
        expect(boundary.closing).toBe(false)
      }),
      { numRuns: 60 },
    )
  })

  it('is told within a piece: the first one, behind the frame that was under way', () => {
    const boundary = new FrameBoundary()
    const first = frame(1, 200, true)
    boundary.passed(first.subarray(0, 3))

    const at = boundary.within(Buffer.concat([first.subarray(3), frame(1, 5, true)]))

    expect(at).toBe(first.length - 3)
  })

  it('tells that a side has closed', () => {
    const boundary = new FrameBoundary()

    boundary.passed(closeFrame(Buffer.from([1, 2, 3, 4])))

    expect([boundary.here, boundary.closing]).toEqual([true, true])
  })
})

describe('our close frame', () => {
  it('says 1001, masked towards a service', () => {
    expect(closeFrame()).toEqual(Buffer.from([0x88, 2, 0x03, 0xe9]))
    const masked = closeFrame(Buffer.from([0xff, 0x0f, 1, 2]))
    expect(masked).toEqual(Buffer.from([0x88, 0x82, 0xff, 0x0f, 1, 2, 0x03 ^ 0xff, 0xe9 ^ 0x0f]))
  })
})
