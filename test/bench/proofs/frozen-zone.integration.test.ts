import { expect, it } from 'vitest'
import { proveFrozenZone } from '../../../bench/proofs/frozen-zone.ts'

it('Store Z1: nobody sees an error, a wrong value or a wait while a zone stands still, and a site of one zone is caught', async () => {
  // Others use the same cores: a process that is not run for 10 ms is not frozen.
  const { pass, figures } = await proveFrozenZone({ ms: 2_500, rates: [200], patience: 10 })

  expect(pass, figures).toBe(true)
}, 60_000)
