import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { Refreshes, type RefreshOutcome } from '../../../gateway/cache/refreshes.ts'

function bed(options: { atMost?: number; failures?: number; backgroundLimit?: number } = {}) {
  const clock = new HeldClock()
  const background = new Background(silentLog, options.backgroundLimit)
  const outcomes: RefreshOutcome[] = []
  const refreshes = new Refreshes({ clock, background, ...options, told: (outcome) => outcomes.push(outcome) })
  return { clock, background, outcomes, refreshes, settled: () => background.settle(5_000) }
}

describe('refreshes', () => {
  it('Cache W7: one refresh of a key is under way at a time', async () => {
    const { refreshes, settled, outcomes } = bed()
    const first = Promise.withResolvers<boolean>()

    expect(refreshes.start('k', () => first.promise)).toBe('started')
    expect(refreshes.start('k', async () => true)).toBe('running')
    expect(refreshes.start('other', async () => true)).toBe('started')
    first.resolve(true)
    await settled()

    expect(outcomes).toEqual(['running', 'refreshed', 'refreshed'])
    expect(refreshes.start('k', async () => true)).toBe('started')
  })

  it('Cache W7: beyond the bound of a process refreshes are skipped and counted, and begin again when there is room', async () => {
    const { refreshes, settled, outcomes } = bed({ atMost: 2 })
    const held = Promise.withResolvers<boolean>()
    refreshes.start('a', () => held.promise)
    refreshes.start('b', () => held.promise)

    expect(refreshes.start('c', async () => true)).toBe('full')
    expect(refreshes.running).toBe(2)
    held.resolve(true)
    await settled()

    expect(outcomes).toContain('full')
    expect(refreshes.start('c', async () => true)).toBe('started')
  })

  it('Cache W7: 256 refreshes a process are the bound where nothing else is said', () => {
    const { refreshes } = bed()
    const never = new Promise<boolean>(() => undefined)

    const started = Array.from({ length: 300 }, (_, at) => refreshes.start(`k${at}`, () => never))

    expect(started.filter((verdict) => verdict === 'started')).toHaveLength(256)
    expect(started.slice(256).every((verdict) => verdict === 'full')).toBe(true)
  })

  it('Cache R4: after a failure the next try comes after 1 s, then 2, 4, 8, and 10 at most', async () => {
    const { refreshes, settled, clock } = bed()

    for (const restMs of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      expect(refreshes.start('k', async () => false)).toBe('started')
      await settled()
      clock.advance(restMs - 1)
      expect(refreshes.start('k', async () => true)).toBe('resting')
      clock.advance(1)
    }
  })

  it('Cache R4: a refresh that worked forgets the failures before it', async () => {
    const { refreshes, settled, clock } = bed()
    for (const ok of [false, false, true, false]) {
      clock.advance(2_000)
      refreshes.start('k', async () => ok)
      await settled()
    }

    clock.advance(1_000)

    expect(refreshes.start('k', async () => true)).toBe('started')
  })

  it('Cache R4: a failure of long ago does not make the next rest longer', async () => {
    const { refreshes, settled, clock } = bed()
    refreshes.start('k', async () => false)
    await settled()
    clock.advance(11_000)
    refreshes.start('k', async () => false)
    await settled()

    clock.advance(1_000)

    expect(refreshes.start('k', async () => true)).toBe('started')
  })

  it('a refresh that throws has failed, and its key can be refreshed again', async () => {
    const { refreshes, settled, clock, background, outcomes } = bed()
    refreshes.start('k', () => Promise.reject(new Error('planted')))
    await settled()

    expect(outcomes).toEqual(['failed'])
    expect(background.failed).toBe(1)
    clock.advance(1_000)
    expect(refreshes.start('k', async () => true)).toBe('started')
  })

  it('a background that is full does not lose a key', async () => {
    const { refreshes, settled } = bed({ backgroundLimit: 0 })
    refreshes.start('k', async () => true)
    await settled()
    await Promise.resolve()

    expect(refreshes.running).toBe(0)
  })
})
