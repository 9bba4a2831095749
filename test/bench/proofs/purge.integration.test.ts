import { expect, it } from 'vitest'
import { prove } from '../../../bench/proofs/purge.ts'

it('a purge at one process is seen by every process of both sites, and a control that ships nothing is found out', {
  timeout: 120_000,
}, async () => {
  // Beside a hundred other tests: the proof itself says how fast it is.
  const args = ['entries=100', 'purges=6', 'refill=6', 'variants=memory', 'limit=1500']

  const { pass, figures } = await prove({ long: false, seed: 7, args })

  expect(pass, figures).toBe(true)
})
