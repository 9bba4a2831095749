import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTrace, newTrace } from '../../edge-worker/trace.ts'
import { readTraceParent } from '../../gateway/account/trace-context.ts'

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`))
const near = fc
  .tuple(
    fc.oneof(hex(2), fc.constantFrom('00', 'ff', '01')),
    fc.oneof(hex(32), fc.constant('0'.repeat(32)), hex(31)),
    fc.oneof(hex(16), fc.constant('0'.repeat(16)), hex(17)),
    fc.oneof(hex(2), fc.constantFrom('01', '1', '0G')),
    fc.constantFrom('', '', '-', '-what-is-new', ' ', '01'),
  )
  .map(([version, trace, span, flags, more]) => `${version}-${trace}-${span}-${flags}${more}`)

describe('a traceparent', () => {
  it('is one at the edge exactly where gateways take it for one', () => {
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (value) => {
        expect(isTrace(value)).toBe(readTraceParent(value) !== undefined)
      }),
      { numRuns: 2_000 },
    )
    expect(isTrace(undefined)).toBe(false)
  })

  it('that begins here can be read, asks nobody to record, and is of this request alone', () => {
    const made = newTrace(crypto.randomUUID())

    expect(readTraceParent(made)).toMatchObject({ flags: 0 })
    expect(newTrace(crypto.randomUUID())).not.toBe(made)
  })
})
