import { expect, it } from 'vitest'
import { prove } from '../../../bench/proofs/events.ts'

it('events are applied at both sites while processes are killed, lost ones are noticed, and careless readers are found out', {
  timeout: 180_000,
}, async () => {
  // Beside a hundred other tests: the proof itself says how fast it is.
  const args = ['events=600', 'rate=300', 'kill=1000', 'few=400', 'limit=60000']

  const { pass, figures } = await prove({ long: false, seed: 7, args })

  expect(pass, figures).toBe(true)
})
