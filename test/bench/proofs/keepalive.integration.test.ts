import { expect, it } from 'vitest'
import { proveKeepAlive } from '../../../bench/proofs/keepalive.ts'

it('C4: a service that closes idle connections at random costs no request and doubles none, and without the guard it does', async () => {
  const { pass, figures } = await proveKeepAlive({ seed: 1, requests: 4_000, clients: 64 })

  expect(pass, figures).toBe(true)
})
