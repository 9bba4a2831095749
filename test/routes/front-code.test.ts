import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { frontCode, frontDecode } from '#routes/front-code.ts'

describe('front coding', () => {
  it('writes what a line shares with the line before as one character', () => {
    expect(frontCode(['/v1/orders', '/v1/orders/{id}', '/v2'])).toBe('0/v1/orders\n:/{id}\n22\n')
    expect(frontCode([])).toBe('')
  })

  it('gives back any lines, sorted or not, alike or empty', () => {
    const line = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.string({ unit: fc.constantFrom('/', 'a', 'é', '😀', '\ud800') }),
      fc.constant('/'.repeat(200)),
    )
    fc.assert(
      fc.property(fc.array(line.map((text) => text.replaceAll('\n', ''))), (lines) => {
        expect(frontDecode(frontCode(lines))).toEqual(lines)
      }),
    )
  })

  it.each(['0/a', 'x', '1a\n', '0a\n2b\n', '/a\n', '\n', '0a\n\n', '0\u007f'.repeat(3)])(
    'refuses what it did not write: %j',
    (text) => {
      expect(frontDecode(text)).toBeUndefined()
    },
  )
})
