import { describe, expect, it } from 'vitest'
import type { Decision } from '#routes/decide.ts'
import type { EdgePolicy } from '#routes/policy.ts'
import type { Choice } from '../../edge-worker/choice.ts'
import { headersLimitMs } from '../../edge-worker/origin-exchange.ts'
import { policy, route } from '../support/tables.ts'

function choice(timeout: typeof policy.timeout | undefined): Choice {
  const found = timeout && route('/v1/orders', { policy: { ...policy, timeout } })
  return {
    site: 'onprem',
    table: undefined,
    decision: found && ({ route: found } as Partial<Decision<EdgePolicy>> as Decision<EdgePolicy>),
    flags: [],
  }
}

describe('how long an edge waits for the begin of an answer', () => {
  const timeout = { connectMs: 1_000, firstByteMs: 5_000, totalMs: 30_000 }

  it('is longer than all tries of a gateway and its hold', () => {
    expect(headersLimitMs(choice(timeout), false, 'self-hosted')).toBe(3 * 6_000 + 2_000 + 2_000)
  })

  it('covers the upload of a body for the whole time of the route', () => {
    expect(headersLimitMs(choice(timeout), true, 'self-hosted')).toBe(35_000)
    expect(headersLimitMs(choice({ ...timeout, totalMs: 600_000 }), true, 'self-hosted')).toBe(605_000)
  })

  it('is 60 s without a route', () => {
    expect(headersLimitMs(choice(undefined), true, 'self-hosted')).toBe(60_000)
  })

  it('stays below Cloudflare’s own 120 s there', () => {
    expect(headersLimitMs(choice({ ...timeout, totalMs: 600_000 }), true, 'cloudflare')).toBe(115_000)
  })
})
