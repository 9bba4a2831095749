import { expect, it } from 'vitest'
import { proveEdgeCost } from '../../../bench/proofs/edge-cost.ts'

// Other tests use the machine's cores meanwhile: size and decisions are asked for as they must be, times generously.
const effort = { rounds: 2, patience: 8, aloneRounds: 10, aloneMs: 60, turns: 1, seconds: 1, findWorst: false }

it('the edge is small, decides 10,000 routes as Node does, and costs about what is claimed', async () => {
  const { pass, figures } = await proveEdgeCost({ ...effort, seed: 2 })

  expect(pass, figures).toBe(true)
})
