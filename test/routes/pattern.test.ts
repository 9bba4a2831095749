import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  captureParameters,
  comparePatterns,
  isPattern,
  mostPatternBytes,
  shapeOf,
  slashVariants,
} from '#routes/pattern.ts'
import { parsePattern } from '#routes/pattern-fault.ts'
import { patternOf } from '../properties/generators/catalogs.ts'
import { corpus } from './corpus.ts'

describe('a path pattern', () => {
  it('has literals, parameters, parameters with a suffix, and a tail', () => {
    expect(patternOf('/v1/{order}/{_line2}:cancel/files/**').segments).toEqual([
      { kind: 'literal', text: 'v1' },
      { kind: 'parameter', name: 'order', suffix: '' },
      { kind: 'parameter', name: '_line2', suffix: ':cancel' },
      { kind: 'literal', text: 'files' },
      { kind: 'tail' },
    ])
    expect(patternOf('/').segments).toEqual([{ kind: 'literal', text: '' }])
    expect(patternOf('/orders/').segments.at(-1)).toEqual({ kind: 'literal', text: '' })
    expect(patternOf('/orders:batch/%E7%94%A8').segments).toHaveLength(2)
  })

  it.each(corpus('patterns.txt'))('is refused with place and advice: $input', ({ input, expected }) => {
    const parsed = parsePattern(input)

    expect(parsed.ok ? 'accepted' : `${parsed.fault.at}: ${parsed.fault.meaning}\n${parsed.fault.fix}`).toBe(expected)
    expect(isPattern(input)).toBe(false)
  })

  it('is recognised quickly exactly when it can be parsed', () => {
    const piece = fc.constantFrom(
      '/',
      '/',
      '{a}',
      '{b}',
      '{',
      '}',
      ':x',
      ':',
      '*',
      '**',
      'a',
      '.',
      '%41',
      '%2F',
      '?',
      '1',
      '-',
      'é',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = `/${pieces.join('')}`
        expect(isPattern(text), text).toBe(parsePattern(text).ok)
      }),
      { numRuns: 3000 },
    )
  })

  it('has at most 32 segments and 1,024 bytes', () => {
    expect(parsePattern('/a'.repeat(32)).ok).toBe(true)
    expect(parsePattern('/a'.repeat(33))).toMatchObject({ ok: false, fault: { fix: 'End it earlier with "/**".' } })
    expect(parsePattern(`/${'a'.repeat(mostPatternBytes - 1)}`).ok).toBe(true)
    expect(parsePattern(`/${'a'.repeat(mostPatternBytes)}`).ok).toBe(false)
    expect([isPattern('/a'.repeat(32)), isPattern('/a'.repeat(33))]).toEqual([true, false])
  })

  it('is the same pattern as another when only names differ', () => {
    expect(shapeOf(patternOf('/a/{x}/{y}:z/**'))).toBe(shapeOf(patternOf('/a/{y}/{x}:z/**')))
    expect(shapeOf(patternOf('/a/{x}'))).not.toBe(shapeOf(patternOf('/a/{x}:b')))
    expect(shapeOf(patternOf('/a'))).not.toBe(shapeOf(patternOf('/a/')))
  })

  it('stands in the order of precedence, whatever the order was before', () => {
    const inOrder = [
      '/a/b/{x}/c',
      '/a/b/**',
      '/a/{x}:long:cancel',
      '/a/{x}:cancel',
      '/a/{x}/b/c',
      '/a/{x}/{y}',
      '/a/{x}/**',
      '/a/**',
      '/b',
      '/b/',
      '/b/**',
      '/{x}',
      '/**',
    ].map(patternOf)

    expect(inOrder.toReversed().sort(comparePatterns)).toEqual(inOrder)
    expect(comparePatterns(patternOf('/{x}'), patternOf('/{y}'))).toBe(0)
  })

  it('stands for two when the trailing slash is ignored, but for one when it is the root or a tail', () => {
    const variants = (path: string) => slashVariants(patternOf(path))

    expect(variants('/a/{x}')).toEqual([patternOf('/a/{x}'), patternOf('/a/{x}/')])
    expect(variants('/a/')).toEqual([patternOf('/a/'), patternOf('/a')])
    expect(variants('/')).toEqual([patternOf('/')])
    expect(variants('/a/**')).toEqual([patternOf('/a/**')])
  })

  it('captures its parameters as they stand in the key', () => {
    expect({ ...captureParameters('/a/{x}/{y}:cancel/**', '/a/%7B1%7D/2:3:cancel/z') }).toEqual({
      x: '%7B1%7D',
      y: '2:3',
    })
    expect({ ...captureParameters('/a/{x}', '/a/1/') }).toEqual({ x: '1' })
    expect(Object.entries(captureParameters('/{__proto__}/{constructor}', '/1/2')).flat()).toEqual([
      '__proto__',
      '1',
      'constructor',
      '2',
    ])
  })
})
