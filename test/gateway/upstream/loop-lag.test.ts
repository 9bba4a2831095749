import { expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { LoopLag } from '../../../gateway/upstream/loop-lag.ts'
import { eventually } from '../../support/eventually.ts'

it('tells how late a busy process hears of things, at once and for a moment after', async () => {
  const lag = new LoopLag(systemClock)

  const until = performance.now() + 300
  while (performance.now() < until);
  const during = lag.ms
  await eventually(() => lag.ms > 100)
  await eventually(() => lag.ms < during / 2, { deadlineMs: 8_000 })
  lag.stop()

  expect(during).toBeGreaterThanOrEqual(240)
})
