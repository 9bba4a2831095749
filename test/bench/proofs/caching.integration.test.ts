import { expect, it } from 'vitest'
import { prove } from '../../../bench/proofs/caching.ts'

it('Cache AU3: every case over HTTP passes in both profiles, and each difference between them is found', async () => {
  const { pass, figures } = await prove({ long: false, seed: 1, args: ['ours'] })

  expect(pass, figures).toBe(true)
}, 180_000)
