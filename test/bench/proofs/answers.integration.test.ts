import { expect, it } from 'vitest'
import { prove } from '../../../bench/proofs/answers.ts'

it('F12, F13, F14, C9: 1,000 mutated answers reach nobody else, and a proxy without guards is caught', async () => {
  const { pass, figures } = await prove({ long: false, seed: 3, cases: 1_000, args: [] })

  expect(pass, figures).toBe(true)
}, 90_000)
