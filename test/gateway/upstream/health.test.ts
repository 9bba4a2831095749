import { expect, it } from 'vitest'
import { Health } from '../../../gateway/upstream/health.ts'

it('is down after 3 bad answers in a row and up after 2 good ones', () => {
  const health = new Health()
  const turns = [false, false, true, false, false, false, true, false, true, true].map((good) => health.observe(good))

  expect(turns.flatMap((turned, at) => (turned ? [at] : []))).toEqual([5, 9])
  expect(health.up).toBe(true)
})
