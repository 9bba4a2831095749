import { expect, it } from 'vitest'
import { proveCoalescing } from '../../../bench/proofs/coalescing.ts'
import { nginxPlain } from '../../../bench/support/coalescing/fronts.ts'

it('Cache W1, W2, W3: of 100 clients at once the service sees one, nobody queues, and a plain proxy is caught', async () => {
  // Others use the same cores: a queue would take a hundred times as long, not three.
  const { pass, figures } = await proveCoalescing({ rounds: 1, rivals: [nginxPlain], patience: 3 })

  expect(pass, figures).toBe(true)
}, 90_000)
