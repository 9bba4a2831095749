import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import type { EventSink, Verdict } from '../../../gateway/invalidation/event-source.ts'
import { MemorySource } from '../../../gateway/invalidation/memory-source.ts'
import { eventually } from '../../support/eventually.ts'

function open(verdicts: readonly (Verdict | Error)[]) {
  const clock = new HeldClock()
  const source = new MemorySource({ clock, background: new Background(silentLog) })
  const taken: string[] = []
  const sink: EventSink = {
    take: async ({ text }) => {
      taken.push(text)
      const verdict = verdicts[taken.length - 1] ?? { kind: 'applied' }
      if (verdict instanceof Error) throw verdict
      return verdict
    },
    missed: async () => undefined,
  }
  return { clock, source, sink, taken }
}

describe('events in memory', () => {
  it('are brought in order, until they are taken', async () => {
    const { source, sink, taken } = open([{ kind: 'later', because: 'not now' }])
    source.add('one')
    source.start(sink)
    source.add('two')

    await eventually(() => source.status().lag === 0)
    expect(taken).toEqual(['one', 'one', 'two'])
    await source.close()
  })

  it('are dead letters when they are wrong, or were brought five times, and can be sent again', async () => {
    const { source, sink, taken } = open([
      { kind: 'dead', because: 'wrong' },
      ...Array.from({ length: 5 }, () => Error('x')),
    ])
    source.start(sink)
    source.add('wrong')
    source.add('poison')

    await eventually(() => source.status().dead === 2)
    const [poison, wrong] = await source.dead(10)
    expect(wrong).toMatchObject({ because: 'wrong', deliveries: 1, text: 'wrong' })
    expect(poison).toMatchObject({ because: 'Error: x', deliveries: 5, text: 'poison' })
    expect(await source.retry(poison?.id ?? '')).toBe('queued')
    expect(await source.retry(poison?.id ?? '')).toBe('unknown')
    await eventually(() => taken.length === 7)
  })

  it('are kept for a replay of some time', async () => {
    const { clock, source } = open([])
    const fromMs = clock.now()
    for (const text of ['a', 'b', 'c']) {
      source.add(text)
      clock.advance(10)
    }

    const page = await source.range(fromMs, fromMs + 20, 2)
    expect(page.map(({ text }) => text)).toEqual(['a', 'b'])
    const rest = await source.range(fromMs, fromMs + 20, 2, page.at(-1)?.id)
    expect(rest.map(({ text }) => text)).toEqual(['c'])
  })
})
