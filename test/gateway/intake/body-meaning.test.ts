import { describe, expect, it } from 'vitest'
import type { Decision } from '#routes/decide.ts'
import { bodyMeaning } from '../../../gateway/intake/body-meaning.ts'
import { policy, route } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const lax = route('/v1/**')
const strict = route('/v1/**', { policy: { ...policy, bodyWithoutMeaning: 'refuse' } })

function codeOf(method: string, body: boolean, of = strict, readings = [lax]): string | undefined {
  const x = exchangeOf([], { method, body })
  x.decision = { route: of } as unknown as Decision
  x.readings = readings
  try {
    void bodyMeaning.before?.(x)
    return undefined
  } catch (problem) {
    return (problem as { code: string }).code
  }
}

describe('F9: a body without a meaning', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE'])('on %s is refused where the route says so', (method) => {
    expect(codeOf(method, true)).toBe('body-invalid')
    expect(codeOf(method, false)).toBeUndefined()
  })

  it('is forwarded where no route says so, and on methods that give it a meaning', () => {
    expect(codeOf('DELETE', true, lax)).toBeUndefined()
    expect(codeOf('POST', true)).toBeUndefined()
  })

  it('is refused, too, where a service might read the path as that of such a route', () => {
    expect(codeOf('GET', true, lax, [lax, strict])).toBe('body-invalid')
  })
})
