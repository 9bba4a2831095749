import { describe, expect, it } from 'vitest'
import { choose, selecting, selectingText, type VariantRow, varyNames } from '../../../../gateway/cache/policy/vary.ts'

const lines = (values: Readonly<Record<string, readonly string[]>>) => (name: string) => values[name]
const row = (vary: readonly string[], text: string, dateMs = 0, storedMs = 0): VariantRow => ({
  vary,
  selecting: text,
  dateMs,
  storedMs,
})

describe('what an answer varies by', () => {
  it.each<[string[], readonly string[] | string]>([
    [[], []],
    [[''], []],
    [[' , ,'], []],
    [['Origin, Accept'], ['accept', 'origin']],
    [
      ['ORIGIN', ' accept ,origin'],
      ['accept', 'origin'],
    ],
    [['__proto__'], ['__proto__']],
    [['*'], 'any'],
    [['accept, *'], 'any'],
    [['accept', '*'], 'any'],
    [['accept encoding'], 'any'],
    [['accept;q=1'], 'any'],
    [['"accept"'], 'any'],
    [['accept\xa0'], 'any'],
    [['accept\0'], 'any'],
  ])('Cache V1: Vary %j means %j', (values, names) => {
    expect(varyNames(values.flatMap((value) => ['vArY', value]))).toEqual(names)
  })

  it('Cache V6: 16 names are the most', () => {
    const names = (count: number) => varyNames(['Vary', Array.from({ length: count }, (_, at) => `x-${at}`).join()])

    expect(names(16)).toHaveLength(16)
    expect(names(17)).toBe('too-many')
    expect(varyNames(['Vary', 'a,'.repeat(100)])).toEqual(['a'])
    expect(varyNames(['Vary', 'a,'.repeat(5000)])).toBe('too-many')
  })
})

describe('whether two requests match', () => {
  it.each<[string, readonly string[] | undefined, readonly string[] | undefined, boolean]>([
    ['foo', undefined, undefined, true],
    ['foo', undefined, [], true],
    ['foo', undefined, [''], false],
    ['foo', [''], [' '], true],
    ['foo', ['a'], ['a'], true],
    ['foo', ['a'], ['A'], false],
    ['foo', ['a'], ['a '], true],
    ['foo', ['a', 'b'], ['a, b'], true],
    ['foo', ['a ,\tb'], ['a,b'], true],
    ['foo', ['a,b'], ['b,a'], false],
    ['foo', ['a b'], ['ab'], false],
    ['foo', ['a  b'], ['a b'], false],
    ['foo', ['a,'], ['a'], false],
    ['foo', ['a,,b'], ['a,b'], false],
    ['foo', ['"a, b"'], ['"a,b"'], false],
    ['foo', ['"a\\", b"'], ['"a\\",b"'], false],
    ['foo', ['"a" , b'], ['"a",b'], true],
    ['foo', ['a\xa0'], ['a'], false],
    ['foo', ['\xe9'], ['\xc9'], false],
    ['foo', ['a\0'], ['a'], false],
  ])('Cache V2: of %s, %j and %j match: %s', (name, one, other, match) => {
    expect(selecting(name, one) === selecting(name, other)).toBe(match)
  })

  it.each<[string, readonly string[], readonly string[], boolean]>([
    ['accept-encoding', ['gzip, br'], ['BR,gzip'], true],
    ['accept-encoding', ['gzip', 'br'], ['br', 'gzip'], true],
    ['accept-encoding', ['gzip,,br,'], ['br,gzip'], true],
    ['accept-encoding', ['gzip;q=0.5, br'], ['br, gzip;q=0.5'], true],
    ['accept-encoding', ['gzip;q=0.5, br'], ['br;q=0.5, gzip'], false],
    ['accept-encoding', ['gzip'], ['gzip, br'], false],
    ['accept-encoding', [''], ['identity'], false],
    ['accept-language', ['de, en;q=0.5'], ['EN;Q=0.5,DE'], true],
    ['accept-language', ['de'], ['de-AT'], false],
    ['accept', ['a, b'], ['b, a'], false],
    ['accept', ['A'], ['a'], false],
  ])('Cache V3: of %s, %j and %j match: %s', (name, one, other, match) => {
    expect(selecting(name, one) === selecting(name, other)).toBe(match)
  })

  it('Cache V2: a long field is compared as it stands', () => {
    const long = 'gzip, br,'.repeat(200)

    expect(selecting('accept-encoding', [long])).not.toBe(selecting('accept-encoding', [long.toUpperCase()]))
    expect(selecting('accept-encoding', [long])).toBe(selecting('accept-encoding', [long]))
  })

  it('Cache V2: no values of two fields look like those of two others', () => {
    const text = (values: Readonly<Record<string, readonly string[]>>) => selectingText(['a', 'b'], lines(values))
    const texts = [
      text({}),
      text({ a: [''] }),
      text({ b: [''] }),
      text({ a: [''], b: [''] }),
      text({ a: ['1:x'] }),
      text({ b: ['1:x'] }),
      text({ a: ['-'] }),
      text({ a: ['x'], b: ['y'] }),
      text({ a: ['x1:y'] }),
      text({ a: ['y'], b: ['x'] }),
    ]

    expect(new Set(texts).size).toBe(texts.length)
  })

  it('Cache V5: what the caller gives for a removed field tells its requests apart', () => {
    const upstream = { authorization: [] }
    const original = (hashed: string) => (name: string) => [...(upstream[name as 'authorization'] ?? []), hashed]

    expect(selectingText(['authorization'], original('h1'))).not.toBe(selectingText(['authorization'], original('h2')))
    expect(selectingText(['authorization'], original('h1'))).toBe(selectingText(['authorization'], original('h1')))
  })
})

describe('which of the stored answers', () => {
  const request = lines({ 'accept-encoding': ['gzip'], origin: ['a'] })
  const of = (vary: readonly string[]) => selectingText(vary, request)
  const matching = (vary: readonly string[], dateMs = 0, storedMs = 0) => row(vary, of(vary), dateMs, storedMs)

  it('Cache V4: each is judged by its own Vary', () => {
    const other = row(['accept-encoding'], selectingText(['accept-encoding'], lines({ 'accept-encoding': ['br'] })), 9)
    const mine = matching(['origin'], 1)

    expect(choose([other, mine], of)).toBe(mine)
    expect(choose([other], of)).toBeUndefined()
    expect(choose([], of)).toBeUndefined()
    expect(choose([row(['x-absent'], of(['x-absent']))], of)).toBeDefined()
  })

  it('Cache V4: one with Vary goes before one without', () => {
    const plain = matching([], 9, 9)
    const varied = matching(['origin'], 1, 1)

    expect(choose([plain, varied], of)).toBe(varied)
    expect(choose([varied, plain], of)).toBe(varied)
    expect(choose([plain], of)).toBe(plain)
    expect(choose([row([], 'of another key')], of)).toBeDefined()
  })

  it('Cache V4: then the latest Date counts, then the latest stored', () => {
    const rows = [
      matching(['origin'], 5, 1),
      matching(['accept-encoding'], 7, 2),
      matching(['origin'], 7, 3),
      matching(['origin'], 6, 9),
    ]

    expect(choose(rows, of)).toBe(rows[2])
    expect(choose([...rows].reverse(), of)).toBe(rows[2])
  })
})
