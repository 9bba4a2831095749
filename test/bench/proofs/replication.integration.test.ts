import { expect, it } from 'vitest'
import { proveReplication } from '../../../bench/proofs/replication.ts'

it('no acknowledged invalidation is lost under a few of every kind of fault, and simpler strategies are found out', async () => {
  const { pass, figures } = await proveReplication({
    keys: 200,
    plan: { seed: 5, faults: 10, everyMs: 250, shortestMs: 200, longestMs: 800 },
    restAfter: 10,
    writesPerSecond: 500,
    readsPerSecond: 500,
    writes: 0,
    restWithinMs: 60_000,
    afterwardsMs: 300,
    controls: ['retry'],
    controlFaults: 2,
    controlRestWithinMs: 3_000,
  })

  expect(pass, figures).toBe(true)
})
