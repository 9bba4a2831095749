import { describe, expect, it } from 'vitest'
import type { Answer } from '../../../gateway/answer.ts'
import { inFlight } from '../../../gateway/limits/in-flight.ts'
import { policy, route } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const narrow = route('/admin', { policy: { ...policy, limits: { maxInFlight: 1 } } })
const wide = route('/**')
const answer: Answer = { status: 200, reason: '', headers: [], body: undefined }

function asked(chosen: typeof narrow, readings: readonly (typeof narrow)[] = []) {
  const x = exchangeOf()
  x.decision = { route: chosen } as never
  x.readings = readings
  return x
}

describe('how many requests of a route may be under way', () => {
  it('is a limit, and a place is free again when its request has ended, however it ended', () => {
    const phase = inFlight()
    const first = asked(narrow)
    void phase.before?.(first)

    expect(() => phase.before?.(asked(narrow))).toThrow(expect.objectContaining({ code: 'overloaded' }))
    phase.closed?.(first, answer, 'client-aborted')
    void phase.before?.(asked(narrow))
  })

  it('P6: counts for a request that its service may read as one of that route', () => {
    const phase = inFlight()
    const spelled = asked(wide, [narrow])
    void phase.before?.(spelled)

    expect(() => phase.before?.(asked(wide, [narrow]))).toThrow(expect.objectContaining({ code: 'overloaded' }))
    expect(() => phase.before?.(asked(narrow))).toThrow(expect.objectContaining({ code: 'overloaded' }))
    phase.closed?.(spelled, answer, 'done')
    void phase.before?.(asked(narrow))
  })

  it('keeps no place for who is refused by another of its routes', () => {
    const phase = inFlight()
    const other = route('/other', { policy: { ...policy, limits: { maxInFlight: 1 } } })
    void phase.before?.(asked(other))
    const refused = asked(narrow, [other])

    expect(() => phase.before?.(refused)).toThrow(expect.objectContaining({ code: 'overloaded' }))
    phase.closed?.(refused, answer, 'done')
    void phase.before?.(asked(narrow))
    expect(() => phase.before?.(asked(other))).toThrow(expect.objectContaining({ code: 'overloaded' }))
  })
})
