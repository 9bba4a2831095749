import { expect, it } from 'vitest'
import { proveFlipStorm } from '../../../bench/proofs/flip-storm.ts'

it('flips and rollbacks under load cost nobody anything, and careless balancers are found out', async () => {
  const clients = { users: 30, perSecond: 150, streams: 4, sockets: 4 }
  const options = { ...clients, seed: 3, everyMs: 700, changes: 5, controlChanges: 2 }

  const { pass, figures } = await proveFlipStorm(options)

  expect(pass, figures).toBe(true)
})
