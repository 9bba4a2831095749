import { expect, it } from 'vitest'
import { prove } from '../../../bench/proofs/framing.ts'

it('F0, F1, F8: 2,000 mutated framings get nothing past the gateway, and a lenient forwarder is caught', async () => {
  const { pass, figures } = await prove({ long: false, seed: 2, args: ['2000'] })

  expect(pass, figures).toBe(true)
}, 60_000)
