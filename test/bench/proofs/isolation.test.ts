import { expect, it } from 'vitest'
import { prove } from '../../../bench/proofs/isolation.ts'

it('Cache AU1, K3: of 20,000 random pairs nobody is given what was made for somebody else, and both controls are caught', async () => {
  const { pass, figures } = await prove({ long: false, seed: 7, cases: 20_000, args: [] })

  expect(pass, figures).toBe(true)
}, 90_000)
