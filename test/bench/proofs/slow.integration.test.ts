import { expect, it } from 'vitest'
import { prove } from '../../../bench/proofs/slow.ts'

it('C6: slow clients get their answer and their end in time, good ones notice nothing, and without clocks the slow ones stay', async () => {
  const { pass, figures } = await prove({ long: false, seed: 1, args: ['quick'] })

  expect(pass, figures).toBe(true)
}, 90_000)
