import { describe, expect, it } from 'vitest'
import { type Spans, trace } from '../../../gateway/account/trace.ts'
import type { HeaderPairs } from '../../../gateway/header-pairs.ts'
import { requestHead } from '../../../gateway/upstream/request-head.ts'
import { exchangeOf } from '../exchange.ts'

const given = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const random = { bytes: (count: number) => new Uint8Array(count).fill(7), next: () => 0.5, id: () => 'id' }
const spans: Spans = { open: (_, { traceId }) => ({ traceId, spanId: '1234567812345678', flags: 1 }), end: () => {} }

/** What the service gets of Trace Context. */
function sent(headers: readonly string[], collected?: Spans): HeaderPairs {
  const x = exchangeOf(headers)
  void trace({ spans: collected, create: true, sample: 1, random }).before?.(x)
  const head = requestHead(x, { pseudonym: undefined, believes: () => false })
  return head.filter((_, at) => /^trace/i.test(head[at - (at % 2)] as string))
}

describe('the state that vendors keep of a trace', () => {
  it('passes with the trace that it is of', () => {
    expect(sent(['traceparent', given, 'tracestate', 'a=1'])).toEqual(['traceparent', given, 'tracestate', 'a=1'])
    expect(sent(['traceparent', given, 'tracestate', 'a=1'], spans)).toEqual([
      'tracestate',
      'a=1',
      'traceparent',
      '00-4bf92f3577b34da6a3ce929d0e0e4736-1234567812345678-01',
    ])
  })

  it.each([
    [['tracestate', 'a=1']],
    [['Tracestate', 'a=1', 'traceparent', 'nonsense']],
    [['traceparent', given, 'traceparent', given, 'tracestate', 'a=1', 'tracestate', 'b=2']],
  ])('does not pass with a new trace: %j', (headers) => {
    expect(sent(headers).map((text) => text.toLowerCase())).toEqual([
      'traceparent',
      expect.stringMatching(/^00-1[0-9a-f]{31}-1[0-9a-f]{15}-01$/),
    ])
    expect(sent(headers, spans)).toHaveLength(2)
  })
})
