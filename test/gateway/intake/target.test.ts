import { describe, expect, it } from 'vitest'
import { targetPhase } from '../../../gateway/intake/target.ts'
import { exchangeOf } from '../exchange.ts'

const phase = targetPhase(100)

const codeOf = (target: string, method = 'GET', headers: string[] = []): unknown => {
  try {
    return phase.before?.(exchangeOf(headers, { target, method }))
  } catch (problem) {
    return (problem as { code: string }).code
  }
}

describe('a request target', () => {
  it.each([
    ['a fragment', '/v1/x#y'],
    ['raw UTF-8', '/v1/\xc3\xa4'],
    ['a space', '/v1/a b'],
    ['a tab', '/v1/a\tb'],
    ['NUL', '/v1/\0'],
    ['DEL', '/v1/\x7f'],
    ['a fragment behind an authority', 'http://api.example.com/#y'],
  ])('T5: with %s is refused, whatever the parser let through', (_, target) => {
    expect(codeOf(target)).toBe('target-invalid')
  })

  it('T6: of more bytes than the limit is refused as too long', () => {
    expect(codeOf(`/${'a'.repeat(100)}`)).toBe('target-too-long')
  })

  it('T2: in absolute form is taken apart, and one that differs from Host is refused', () => {
    const x = exchangeOf([], { target: 'http://API.example.com?q' })

    void phase.before?.(x)

    expect(x.target).toBe('/?q')
    expect(codeOf('http://other.example.com/')).toBe('host-invalid')
  })
})

describe('H12: Max-Forwards', () => {
  it('0 on OPTIONS ends here', () => {
    expect(codeOf('/v1/x', 'OPTIONS', ['Max-Forwards', '0'])).toMatchObject({ status: 204 })
  })

  it.each([
    ['5', 4],
    ['1', 0],
    ['nonsense', undefined],
    ['-1', undefined],
  ])('%s on OPTIONS goes on as %s', (said, left) => {
    const x = exchangeOf(['Max-Forwards', said], { method: 'OPTIONS' })

    expect(phase.before?.(x)).toBeUndefined()

    expect(x.maxForwards).toBe(left)
  })

  it('on other methods says nothing', () => {
    expect(codeOf('/v1/x', 'GET', ['Max-Forwards', '0'])).toBeUndefined()
  })

  it('does not let TRACE in', () => {
    expect(codeOf('/v1/x', 'TRACE', ['Max-Forwards', '5'])).toBe('method-refused')
  })
})
