import { expect, it } from 'vitest'
import { proveEdgeBlackout } from '../../../bench/proofs/edge-blackout.ts'

it('control plane, caches and a site fall silent, isolates begin anew, and no read fails or is slower', async () => {
  // Steps of half a second on a busy machine cannot tell milliseconds; who waits for the control plane takes 800 of them.
  const allowed = { share: 1, ms: 150 }
  const options = { seed: 1, perSecond: 40, stepMs: 500, hosts: ['platform'], allowed } as const

  const { pass, figures } = await proveEdgeBlackout(options)

  expect(pass, figures).toBe(true)
})
