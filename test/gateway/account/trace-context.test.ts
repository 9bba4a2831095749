import { describe, expect, it } from 'vitest'
import { readTraceParent, writeTraceParent } from '../../../gateway/account/trace-context.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'

describe('a traceparent', () => {
  it('is read and written', () => {
    const text = `00-${traceId}-${spanId}-01`

    expect(readTraceParent(text)).toEqual({ traceId, spanId, flags: 1 })
    expect(writeTraceParent({ traceId, spanId, flags: 3 })).toBe(text)
  })

  it('of a later version is read as far as we know it', () => {
    expect(readTraceParent(`01-${traceId}-${spanId}-01-more`)).toEqual({ traceId, spanId, flags: 1 })
  })

  it.each([
    undefined,
    '',
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}-1`,
    `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
  ])('that is none is taken as none: %s', (text) => {
    expect(readTraceParent(text)).toBeUndefined()
  })
})
