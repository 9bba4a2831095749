import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeIndex,
  encodeIndex,
  type IndexRow,
  mostVariants,
  namesIn,
  rowFor,
  selectionDigest,
  type VariantIndex,
  validators,
  withRow,
} from '../../../gateway/cache/variant-index.ts'

const key = 'the-key'
const linesOf = (fields: Record<string, string>) => (name: string) => {
  const value = fields[name]
  return value === undefined ? undefined : [value]
}
const row = (vary: readonly string[], fields: Record<string, string>, facts: Partial<IndexRow> = {}): IndexRow => {
  const selecting = selectionDigest(key, vary, linesOf(fields))
  return { vary, selecting, id: selecting, dateMs: 0, storedMs: 0, ...facts }
}
const indexOf = (...rows: IndexRow[]): VariantIndex => ({ clear: 'clear', rows })

describe('the index of variants', () => {
  it('Cache V4: gives the answer whose own Vary the request fits', () => {
    const index = indexOf(
      row(['accept-language'], { 'accept-language': 'de' }, { id: 'german' }),
      row(['accept-language'], { 'accept-language': 'en' }, { id: 'english' }),
      row(['x-beta'], { 'x-beta': '1' }, { id: 'beta' }),
    )

    expect(rowFor(index, key, linesOf({ 'accept-language': 'en' }))?.id).toBe('english')
    expect(rowFor(index, key, linesOf({ 'x-beta': '1' }))?.id).toBe('beta')
    expect(rowFor(index, key, linesOf({}))).toBeUndefined()
    expect(rowFor(index, key, linesOf({ 'accept-language': 'fr' }))).toBeUndefined()
  })

  it('Cache V4: of several that fit gives one with a Vary before one without, then the latest Date, then the latest stored', () => {
    const plain = row([], {}, { id: 'plain', dateMs: 9 })
    const older = row(['a'], { a: '1' }, { id: 'older', dateMs: 1, storedMs: 9 })
    const newer = row(['b'], { b: '1' }, { id: 'newer', dateMs: 2, storedMs: 1 })
    const latest = row(['c'], { c: '1' }, { id: 'latest', dateMs: 2, storedMs: 2 })
    const request = linesOf({ a: '1', b: '1', c: '1' })

    expect(rowFor(indexOf(plain, older), key, request)?.id).toBe('older')
    expect(rowFor(indexOf(newer, older, plain), key, request)?.id).toBe('newer')
    expect(rowFor(indexOf(latest, newer), key, request)?.id).toBe('latest')
    expect(rowFor(indexOf(plain, older), key, linesOf({}))?.id).toBe('plain')
  })

  it('Cache V5: keeps no value that a request wrote, since it may be a credential', () => {
    const index = indexOf(row(['authorization'], { authorization: 'Bearer secret' }))

    expect(encodeIndex(index).toString()).not.toContain('secret')
    expect(rowFor(index, key, linesOf({ authorization: 'Bearer secret' }))).toBeDefined()
    expect(rowFor(index, key, linesOf({ authorization: 'Bearer other' }))).toBeUndefined()
    expect(selectionDigest('k1', ['a'], linesOf({}))).not.toBe(selectionDigest('k2', ['a'], linesOf({})))
  })

  it('Cache V6: has at most thirty-two variants, and the oldest goes', () => {
    let index = indexOf()
    for (let at = 0; at <= mostVariants; at++)
      index = withRow(index, row(['a'], { a: String(at) }, { storedMs: 100 + ((at + 5) % (mostVariants + 1)) }))

    expect(index.rows).toHaveLength(32)
    expect(index.rows.some(({ storedMs }) => storedMs === 100)).toBe(false)
    expect(rowFor(index, key, linesOf({ a: String(mostVariants) }))).toBeDefined()
  })

  it('has one row for one selection', () => {
    const index = withRow(indexOf(row(['a'], { a: '1' }, { id: 'old' })), row(['a'], { a: '1' }, { id: 'new' }))

    expect(index.rows.map(({ id }) => id)).toEqual(['new'])
  })

  it('Cache V7: names the newest eight variants with a strong tag, each once', () => {
    const rows = Array.from({ length: 12 }, (_, at) =>
      row(
        ['accept'],
        { accept: String(at) },
        { id: `i${at}`, storedMs: at, ...(at % 3 === 0 ? {} : { etag: `"${at}"` }) },
      ),
    )
    const again = row(['accept'], { accept: 'x' }, { id: 'i11', storedMs: 20, etag: '"11"' })
    const twin = row(['accept'], { accept: 'z' }, { id: 'twin', storedMs: 10.5, etag: '"11"' })
    const dated = row(
      ['accept'],
      { accept: 'y' },
      { id: 'dated', storedMs: 30, lastModified: 'Thu, 01 Jan 2026 00:00:00 GMT' },
    )

    expect(validators(indexOf(...rows, again, twin, dated)).map(({ id }) => id)).toEqual([
      'i11',
      'i10',
      'i8',
      'i7',
      'i5',
      'i4',
      'i2',
      'i1',
    ])
  })

  it('Cache V7: asks by no date and no weak tag: another coding or language of one text has the same', () => {
    const date = 'Thu, 01 Jan 2026 00:00:00 GMT'
    const weak = row(['accept-encoding'], { 'accept-encoding': 'gzip' }, { id: 'weak', etag: 'W/"1"' })
    const both = row(['accept'], { accept: '1' }, { id: 'both', etag: '"1"', lastModified: date })

    expect(validators(indexOf(weak, both))).toEqual([row(['accept'], { accept: '1' }, { id: 'both', etag: '"1"' })])
  })

  it.each(['cookie', 'authorization', 'x-user', 'origin'])(
    'Cache V7: asks about no variant that may depend on who asks, by %s',
    (name) => {
      const own = row(['accept', name], { [name]: 'alice' }, { id: 'own', etag: '"v1"' })

      expect(validators(indexOf(own))).toEqual([])
    },
  )

  it('tells every field that a choice depends on', () => {
    expect(namesIn(indexOf(row(['b', 'c'], {}), row(['a', 'b'], {}), row([], {})))).toEqual(['a', 'b', 'c'])
  })

  it('comes back as it was written', () => {
    const rows = [row(['a'], { a: '1' }, { etag: 'W/"\xe9"', lastModified: 'x' }), row([], {}), row(['a'], {})]

    expect(decodeIndex(encodeIndex(indexOf(...rows)))).toEqual(indexOf(...rows))
  })

  it('is a clean miss when it is cut, of another version, or not ours: never an error', () => {
    const bytes = encodeIndex(indexOf(row(['a'], { a: '1' })))
    const later = Buffer.from(bytes)
    later[2] = 2

    for (let end = 0; end < bytes.length; end++) expect(decodeIndex(bytes.subarray(0, end))).toBeUndefined()
    expect(decodeIndex(later)).toBeUndefined()
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (json, begun) => {
        const text = Buffer.from(json)
        expect(decodeIndex(begun ? Buffer.concat([bytes.subarray(0, 4), text]) : text)).toBeUndefined()
      }),
    )
  })

  it.each([
    ['rows that name no Vary', ['clear', [['a']], [[1, 'd', 'i', null, null, 0, 0]]]],
    ['a short row', ['clear', [['a']], [[0, 'd', 'i']]]],
    ['a tag that is no text', ['clear', [['a']], [[0, 'd', 'i', 1, null, 0, 0]]]],
    ['a date that is no number', ['clear', [['a']], [[0, 'd', 'i', null, null, 'x', 0]]]],
    ['a Vary of numbers', ['clear', [[1]], []]],
  ])('is a clean miss with %s', (_, value) => {
    const start = encodeIndex(indexOf()).subarray(0, 4)

    expect(decodeIndex(Buffer.concat([start, Buffer.from(JSON.stringify(value))]))).toBeUndefined()
  })
})
