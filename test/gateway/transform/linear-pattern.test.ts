import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mostSteps, linearPattern as patternOf, withoutCounts } from '../../../gateway/transform/linear-pattern.ts'

const linearPattern = (source: string) => patternOf(source, { left: mostSteps })

describe('an expression of a schema', () => {
  it.each(['(a+)+$', '(a|aa)+$', '^(a*)*b', '(?:a{1,50}){1,50}$', '^([a-z]+-?)*$'])(
    'never holds the process up: %s',
    (source) => {
      const begun = performance.now()

      linearPattern(source).test(`${'a'.repeat(2000)}!`)

      expect(performance.now() - begun).toBeLessThan(2000)
    },
  )

  it.each([
    ['^[A-Z]{3}$', ['ABC'], ['AB', 'ABCD']],
    ['^.{2,4}$', ['ab', 'abcd'], ['a', 'abcde']],
    ['^\\d{2,}$', ['12', '12345'], ['1']],
    ['^(?:[0-9a-f]{2}:){2}[0-9a-f]{2}$', ['00:1f:aa'], ['00:1f', '00:1f:aa:']],
    ['^(?<year>\\d{4})-[^\\]{}]?\\{2}$', ['2026-x{2}'], ['2026-x2']],
    ['^\\x41{2}\\u0042{0}$', ['AA'], ['A', 'AAB']],
    ['^a{2}?b$', ['aab'], ['ab']],
    ['^(?!admin)\\p{L}+$', ['anna', 'Zoë'], ['administrator', 'a1']],
  ])('means the same: %s', (source, good, bad) => {
    const pattern = linearPattern(source)

    expect(good.filter((text) => !pattern.test(text))).toEqual([])
    expect(bad.filter((text) => pattern.test(text))).toEqual([])
  })

  it('is refused where only a backtracking engine could run it, and might not end', () => {
    expect(() => linearPattern('^(?=x)(a+)+$')).toThrow(expect.objectContaining({ code: 'policy-unusable' }))
    expect(() => linearPattern('^(a)\\1(b|bb)*$')).toThrow(expect.objectContaining({ code: 'policy-unusable' }))
  })

  it('counts as V8’s own engine counts', () => {
    const atom = fc.constantFrom('a', '[ab]', '\\d', '.', '(?:ab)', '(b)')
    const count = fc.constantFrom('', '{2}', '{0,2}', '{1,}', '?', '*', '{3,3}')
    const source = fc
      .array(fc.tuple(atom, count), { minLength: 1, maxLength: 5 })
      .map((parts) => `^${parts.flat().join('')}$`)
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '1'), maxLength: 12 })

    fc.assert(
      fc.property(source, text, (expression, subject) => {
        expect(linearPattern(expression).test(subject)).toBe(new RegExp(expression, 'u').test(subject))
      }),
    )
  })

  it.each([
    ['^[A-Za-z0-9 ]{1,2000}$', 2000, true],
    ['^[a-z0-9]+(?:-[a-z0-9]+)*$', 5000, true],
    ['^(?=.*a)(?=.*[a-z]).{8,}$', 64, true],
    ['a*a*a*b', 20_000, false],
    ['^(?:a{1,90}){1,90}$', 2000, false],
    ['(?=a)a*a*a*b', 200, false],
  ])('%s on %i characters: %s', (source, length, expected) => {
    const begun = performance.now()

    expect(linearPattern(source).test('a'.repeat(length))).toBe(expected)

    expect(performance.now() - begun).toBeLessThan(1500)
  })

  it('has one allowance with the others of its schema, however many texts a client sends', () => {
    const steps = { left: mostSteps }
    const pattern = patternOf('(?:a{1,20}){1,20}$', steps)
    const begun = performance.now()

    const matched = Array.from({ length: 200 }, () => pattern.test('a'.repeat(1000))).filter(Boolean)

    expect(matched.length).toBeGreaterThan(0)
    expect(matched.length).toBeLessThan(20)
    expect(performance.now() - begun).toBeLessThan(1500)
  })

  it('is not written out beyond all bounds', () => {
    expect(withoutCounts('(?:(?:a{99}){99}){99}')).toBeUndefined()
  })
})
