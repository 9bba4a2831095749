/** The journey's first step through the real `wrangler dev`. */
import { expect, it } from 'vitest'
import { firstStep } from '../../bench/support/journey/first-step.ts'
import { startWranglerEdge } from '../../bench/support/journey/wrangler-edge.ts'
import { startSystem } from '../../bench/support/start-system.ts'

// Other tests use the machine's cores meanwhile: here it is asked whether, and by the proof how fast.
const limits = { gateways: 2_000, edge: 6_000 }

it('a service moves to the cloud and back for clients of `wrangler dev`, too', async () => {
  const told: string[] = []
  await using system = await startSystem({ stores: 'real' })
  await using edge = await startWranglerEdge(system)

  const faults = await firstStep(system, {
    url: edge.url,
    seed: 5,
    perSecond: 40,
    holdMs: 2_000,
    limits,
    tell: (line) => told.push(line),
  })

  expect(faults, `${told.join('\n')}\n${edge.output()}`).toEqual([])
})
