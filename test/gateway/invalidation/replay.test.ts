import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { HeldClock, systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import type { EventSink } from '../../../gateway/invalidation/event-source.ts'
import { MemorySource } from '../../../gateway/invalidation/memory-source.ts'
import { Replays } from '../../../gateway/invalidation/replay.ts'
import { eventually } from '../../support/eventually.ts'

function bed(count: number) {
  const clock = new HeldClock()
  const background = new Background(silentLog)
  const source = new MemorySource({ clock, background })
  const taken: string[] = []
  const sink: EventSink = {
    take: async ({ text }) => {
      taken.push(text)
      return text === 'wrong' ? { kind: 'dead', because: 'it is wrong' } : { kind: 'applied' }
    },
    missed: async () => undefined,
  }
  const fromMs = clock.now()
  for (let at = 0; at < count; at++) {
    source.add(at === 1 ? 'wrong' : `event ${at}`)
    clock.advance(1)
  }
  return { source, taken, fromMs, replays: new Replays({ source, sink, clock: systemClock, background }) }
}

describe('a replay of events', () => {
  it('applies all that came in that time once more, page by page, and tells how far it is', async () => {
    const { replays, taken, fromMs } = bed(450)
    expect(await replays.begin(fromMs, fromMs + 409)).toMatchObject({ state: 'running', applied: 0 })
    await expect(replays.begin(fromMs, fromMs)).rejects.toMatchObject({ code: 'events-replay-busy' })
    const beganMs = performance.now()
    await eventually(() => replays.newest?.state === 'done')

    expect(replays.newest).toEqual({ from: fromMs, to: fromMs + 409, state: 'done', applied: 409, failed: 1 })
    expect(taken).toHaveLength(410)
    // Three pages of 200, none of them faster than a tenth of a second.
    expect(performance.now() - beganMs).toBeGreaterThan(250)
  })

  it('of a time in which nothing came is done at once, and another one may begin', async () => {
    const { replays } = bed(1)
    await replays.begin(0, 1)
    await eventually(() => replays.newest?.state === 'done')

    expect(await replays.begin(0, 1)).toMatchObject({ applied: 0 })
  })

  it('fails where the source is away, and another one may begin', async () => {
    const { replays, source } = bed(1)
    source.range = async () => Promise.reject(new Error('away'))
    await expect(replays.begin(0, 1)).rejects.toThrow('away')

    expect(replays.newest?.state).toBe('failed')
  })
})
