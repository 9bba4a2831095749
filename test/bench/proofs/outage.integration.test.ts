import { expect, it } from 'vitest'
import { proveOutage } from '../../../bench/proofs/outage.ts'

it('Redis killed under load costs what the policy says and no more, and a control is found out', async () => {
  const options = { perSecond: 60, faultMs: 4_000, recoveryMs: 45_000 }

  const { pass, figures } = await proveOutage(options, [{ part: 'redis', how: 'killed' }])

  expect(pass, figures).toBe(true)
})
