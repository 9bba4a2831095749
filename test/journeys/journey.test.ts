/** The short form of `npm run prove -- journey`: the same story with the same checks, in a third of its time. */
import { expect, it } from 'vitest'
import { claimedLimits, journey } from '../../bench/support/journey/journey.ts'
import { startSystem } from '../../bench/support/start-system.ts'

// Other tests use the machine's cores meanwhile: here it is asked whether, and by the proof how fast.
const patience = 4
const limits = {
  ...claimedLimits,
  gateways: patience * claimedLimits.gateways,
  edge: patience * claimedLimits.edge,
}

it('services move to the cloud and back under load, and no client notices', async () => {
  const told: string[] = []
  await using system = await startSystem({ stores: 'real' })

  const result = await journey(system, {
    seed: 11,
    perSecond: 150,
    holdMs: 2_000,
    awayMs: 3_000,
    limits,
    tell: (line) => told.push(line),
  })

  expect(result.faults, told.join('\n')).toEqual([])
  expect(result.requests).toBeGreaterThan(1_000)
  expect(result.writes).toBeGreaterThan(200)
  expect(result).toMatchObject({ failed: 0, doubled: 0, lost: 0 })
})
