import { expect, it } from 'vitest'
import { proveInterconnect } from '../../../bench/proofs/interconnect.ts'

it('writes arrive soon, an outage delays nobody here and is made up for, and a restart ships on', async () => {
  const { pass, figures } = await proveInterconnect({
    seed: 1,
    perSecond: 2_000,
    lagRounds: 1,
    lagForMs: 2_000,
    rounds: 1,
    roundMs: 1_000,
    deletes: 10_000,
    pending: 50_000,
    // A machine that runs other tests at the same time is late now and then; the proof itself has the goals.
    patience: 5,
  })

  expect(pass, figures).toBe(true)
})
