import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limitChars, readCount, readFields, writeFields } from '#routes/fields.ts'

const written = (value: string) =>
  `${writeFields([
    ['v', '1'],
    ['x', value],
  ])};m=mac`

describe('fields on one line', () => {
  it('give back any text, in printable characters that end no field', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
        fc.pre(text.isWellFormed())
        const line = written(text)
        expect(line).toMatch(/^[!-~]+$/)
        expect(readFields(line)?.get('x')).toBe(text)
      }),
    )
  })

  it('are refused when one stands twice, an escape is broken, or the line is too long', () => {
    expect(readFields('v=1;x=1;x=2;m=a')).toBeUndefined()
    expect(readFields('v=1;x=%zz;m=a')).toBeUndefined()
    expect(readFields('v=2;x=1;m=a')).toBeUndefined()
    expect(readFields('v=1;x=1')).toBeUndefined()
    expect(readFields(written('x'.repeat(limitChars)))).toBeUndefined()
  })

  it('count only in decimal digits', () => {
    expect(readCount('0042')).toBe(42)
    for (const text of ['', '-1', '1.5', '1e3', ' 1', '9'.repeat(16)]) expect(readCount(text)).toBeUndefined()
  })
})
