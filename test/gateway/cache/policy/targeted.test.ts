import { describe, expect, it } from 'vitest'
import { governing } from '../../../../gateway/cache/policy/targeted.ts'

const list = ['x-tidegate-cache-control', 'cdn-cache-control']
const cdn = (line: string) => governing(['CDN-Cache-Control', line], list)

describe('which field governs', () => {
  it('Cache T1: the first of the list that is there, whatever their order in the answer', () => {
    const both = [
      'CDN-Cache-Control',
      'max-age=1',
      'X-Tidegate-Cache-Control',
      'max-age=2',
      'Cache-Control',
      'max-age=3',
    ]

    expect(governing(both, list)).toMatchObject({ field: 'x-tidegate-cache-control', expiresCounts: false })
    expect(governing(both, list).directives.seconds('max-age')).toBe(2)
    expect(governing(both, ['cdn-cache-control']).directives.seconds('max-age')).toBe(1)
    expect(governing(both, []).directives.seconds('max-age')).toBe(3)
    expect(governing(both, []).expiresCounts).toBe(true)
  })

  it.each([
    ['the last of two equal keys counts', 'max-age=1, max-age=2', 'max-age', '2'],
    ['parameters are ignored', 'max-age=1;max-age=2;no-store', 'max-age', '1'],
    ['?0 is as if absent', 'max-age=1, no-store=?0', 'no-store', undefined],
    ['?1 is a directive', 'no-store=?1', 'no-store', true],
    ['a bare key is one, too', 'no-store', 'no-store', true],
    ['what nobody knows is skipped', 'foo=1, max-age=2', 'max-age', '2'],
  ])('Cache T1: in it, %s', (_, line, name, argument) => {
    expect(cdn(line).directives.get(name)).toBe(argument)
  })

  it('Cache T2: a valid one governs alone, against no-store and for what it permits', () => {
    const { directives, expiresCounts } = governing(
      ['Cache-Control', 'no-store, public', 'Expires', '0', 'CDN-Cache-Control', 'max-age=5'],
      list,
    )

    expect([directives.has('no-store'), directives.has('public'), expiresCounts]).toEqual([false, false, false])
  })

  it.each(['', ' ', 'MAX-AGE=5', 'max-age=5,', 'max-age = 5', 'max-age="5', 'private="\xe9"', 'max-age=5, =3'])(
    'Cache T2: %j is as if absent, and the next one counts',
    (line) => {
      const headers = ['X-Tidegate-Cache-Control', line, 'CDN-Cache-Control', 'max-age=7', 'Cache-Control', 'max-age=9']

      expect(governing(headers, list)).toMatchObject({ field: 'cdn-cache-control' })
      expect(governing(headers, list).directives.seconds('max-age')).toBe(7)
      expect(governing(headers, ['x-tidegate-cache-control']).directives.seconds('max-age')).toBe(9)
      expect(governing(headers, ['x-tidegate-cache-control']).expiresCounts).toBe(true)
    },
  )

  it('Cache T2: one in which nothing is known governs all the same', () => {
    expect(governing(['CDN-Cache-Control', 'foo', 'Cache-Control', 'max-age=5'], list)).toMatchObject({
      field: 'cdn-cache-control',
    })
    expect(governing(['CDN-Cache-Control', 'foo', 'Cache-Control', 'max-age=5'], list).directives.has('max-age')).toBe(
      false,
    )
  })

  it.each([
    'max-age=1.5',
    'max-age=10.0',
    'max-age="10"',
    'max-age=abc',
    'max-age=-1',
    'max-age',
    'max-age=(1 2)',
    'max-age=@5',
  ])('Cache T3: %s is no number of seconds', (line) => {
    expect(cdn(line).directives.seconds('max-age')).toBe('invalid')
    expect(cdn(line).directives.invalid('max-age')).toBe(true)
  })

  it.each([
    ['max-age=0', 0],
    ['max-age=10', 10],
    ['max-age=999999999999999', 2 ** 31],
  ])('Cache T3: %s is %d seconds', (line, seconds) => {
    expect(cdn(line).directives.seconds('max-age')).toBe(seconds)
  })

  it('Cache T3: all directives count, and names of fields come as a string', () => {
    expect(cdn('private="a, b"').directives.fields('private')).toEqual(['a', 'b'])
    for (const line of ['private=a', 'private=(a b)', 'private=5', 'private', 'private=""']) {
      expect(cdn(line).directives.has('private')).toBe(true)
      expect(cdn(line).directives.fields('private')).toBeUndefined()
    }
    for (const name of ['must-revalidate', 'must-understand', 'proxy-revalidate', 'public', 'no-transform'])
      expect(cdn(name).directives.has(name)).toBe(true)
  })
})
