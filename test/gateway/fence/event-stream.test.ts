import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { events, type StreamEvent } from '../../../gateway/fence/event-stream.ts'

async function read(pieces: Buffer[], limit = 10_000): Promise<(StreamEvent | undefined)[]> {
  const found: (StreamEvent | undefined)[] = []
  for await (const event of events(
    (async function* () {
      yield* pieces
    })(),
    limit,
  ))
    found.push(event)
  return found
}

describe('an event stream', () => {
  it('reads the same however its bytes are cut', async () => {
    const whole = Buffer.from(': ping\n\nevent: offer\ndata: {"a":"é"}\n\ndata: one\ndata: two\n\n')
    const expected = [
      { event: 'message', data: '' },
      { event: 'offer', data: '{"a":"é"}' },
      { event: 'message', data: 'one\ntwo' },
    ]
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(whole.length), { maxLength: 8 }), async (cuts) => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), whole.length]
        const pieces = edges.slice(1).map((end, at) => whole.subarray(edges[at], end))
        expect(await read(pieces)).toEqual(expected)
      }),
    )
  })

  it('ends at an event that is longer than it may be', async () => {
    expect(await read([Buffer.from(`data: ${'x'.repeat(200)}`)], 100)).toEqual([undefined])
  })
})
