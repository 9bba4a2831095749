import { expect, it } from 'vitest'
import { proveMemcachedClient } from '../../../bench/proofs/memcached-client.ts'

it('Store M1, M2, M3: the client is faster than memjs, agrees with it, and suffers none of its faults', async () => {
  const { pass, figures } = await proveMemcachedClient({
    seed: 1,
    loadMs: 400,
    concurrencies: [256],
    operations: 1_500,
    frozenMs: 1_000,
    gets: 8,
    // Others use the same cores.
    patience: 4,
  })

  expect(pass, figures).toBe(true)
}, 60_000)
