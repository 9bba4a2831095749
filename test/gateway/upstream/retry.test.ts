import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RetryCause, RoutePolicy } from '#routes/policy.ts'
import {
  afterOf,
  type FirstTry,
  isRepeatable,
  mayEverRetry,
  retryPlan,
  retryVerdict,
} from '../../../gateway/upstream/retry.ts'
import { policy, route } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const plan = (retry?: RoutePolicy['retry'], more: Partial<RoutePolicy> = {}) =>
  retryPlan({ ...policy, ...more, ...(retry === undefined ? {} : { retry }) })
const first = (facts: Partial<FirstTry> = {}): FirstTry => ({
  cause: 'reset',
  repeatable: true,
  sendable: true,
  otherEndpoint: true,
  afterMs: undefined,
  leftMs: 10_000,
  ...facts,
})

describe('a second try', () => {
  it('is for what may be executed twice: idempotent methods, a route that says so, a key that the route trusts', () => {
    const key = ['Idempotency-Key', 'k1']
    const may = (method: string, retry?: RoutePolicy['retry'], headers: string[] = []) =>
      isRepeatable(exchangeOf(headers, { method }), plan(retry))

    expect(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'].map((method) => may(method))).toEqual(Array(5).fill(true))
    expect(['POST', 'PATCH', 'LOCK'].map((method) => may(method))).toEqual(Array(3).fill(false))
    expect(may('POST', { idempotent: true })).toBe(true)
    expect(may('POST', { keyHeader: 'idempotency-key' }, key)).toBe(true)
    expect(may('POST', { keyHeader: 'idempotency-key' })).toBe(false)
    expect(may('POST', undefined, key)).toBe(false)
  })

  it('is never made for what was tried or forwarded before, may be read as another route, streams, or must not', () => {
    const x = (facts: object) => Object.assign(exchangeOf(), facts)

    expect(mayEverRetry(x({}), plan())).toBe(true)
    expect(mayEverRetry(x({ attempt: 1 }), plan())).toBe(false)
    expect(mayEverRetry(x({ markKind: 'hop' }), plan())).toBe(false)
    expect(mayEverRetry(x({ readings: [route('/admin')] }), plan())).toBe(false)
    expect(mayEverRetry(x({}), plan({ never: true }))).toBe(false)
    expect(mayEverRetry(x({}), plan(undefined, { stream: true }))).toBe(false)
  })

  it('is made for 502, 503 and 504 only where the route asks for it, and as late as Retry-After says, in seconds', () => {
    expect(retryVerdict(plan(), first({ cause: 503 }), 0).kind).toBe('no')
    const asked = plan({ on: [503] })

    expect(retryVerdict(asked, first({ cause: 503, afterMs: afterOf('2') }), 0.5)).toEqual({
      kind: 'again',
      waitMs: 2_000,
    })
    expect(retryVerdict(asked, first({ cause: 503, afterMs: afterOf('11') }), 0)).toEqual({
      kind: 'no',
      because: 'no-time',
    })
    expect(retryVerdict(asked, first({ cause: 503, afterMs: afterOf('Wed, 21 Oct 2026 07:28:00 GMT') }), 0).kind).toBe(
      'no',
    )
  })

  it('goes to the same endpoint only if the first was unsent or met a stale connection', () => {
    const alone = (cause: RetryCause) => retryVerdict(plan(), first({ cause, otherEndpoint: false }), 0).kind

    expect([alone('unsent'), alone('stale'), alone('reset')]).toEqual(['again', 'again', 'no'])
  })

  it('is made only when every condition holds, whatever the case', () => {
    const cause = fc.constantFrom<RetryCause | undefined>('unsent', 'reset', 'stale', 502, 503, 504, undefined)
    const facts = fc.record({
      cause,
      repeatable: fc.boolean(),
      sendable: fc.boolean(),
      otherEndpoint: fc.boolean(),
      afterMs: fc.constant(undefined),
      leftMs: fc.integer({ min: -1_000, max: 1_000 }),
    })

    fc.assert(
      fc.property(facts, fc.double({ min: 0, max: 0.999, noNaN: true }), (one, spread) => {
        const verdict = retryVerdict(plan(), one, spread)
        if (verdict.kind === 'no') return
        expect(one.cause).toBeTypeOf('string')
        expect(one.sendable).toBe(true)
        expect(one.cause === 'unsent' || one.repeatable).toBe(true)
        expect(one.otherEndpoint || one.cause !== 'reset').toBe(true)
        expect(verdict.waitMs).toBeLessThan(Math.min(25, one.leftMs))
      }),
    )
  })
})
