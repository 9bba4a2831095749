import { describe, expect, it } from 'vitest'
import { parseContentRange } from '../../../../gateway/cache/policy/part.ts'
import { toEntry } from '../../../../gateway/cache/policy/storable.ts'
import { anybody, date, get, response, rules, times } from './made.ts'

const lasting = ['Date', date, 'Cache-Control', 'max-age=60']
const range = ['Content-Range', 'bytes 2-5/10']
const tag = ['ETag', '"a"']
const judge = (...headers: string[]) => {
  const judged = toEntry(get('Range', 'bytes=2-5'), response(206, ...headers), { ...rules, ttlS: 60 }, anybody, times)
  return judged.kind === 'entry' ? judged.entry.part : judged.because
}

describe('a part of an answer', () => {
  it('Cache G3: is stored with its place', () => {
    expect(judge(...lasting, ...range, ...tag)).toEqual({ first: 2, last: 5, total: 10 })
  })

  it("Cache G3: keeps the service's own lifetime, though the route overrides that of whole answers", () => {
    const ruled = { ...rules, ttlS: 600, override: true }
    const judged = toEntry(
      get('Range', 'bytes=2-5'),
      response(206, ...lasting, ...range, ...tag),
      ruled,
      anybody,
      times,
    )

    expect(judged).toMatchObject({ entry: { freshness: { lifetimeS: 60 } } })
  })

  it.each<[string, readonly string[]]>([
    ['a weak tag', [...lasting, ...range, 'ETag', 'W/"a"']],
    ['an odd tag', [...lasting, ...range, 'ETag', 'a']],
    ['no tag', [...lasting, ...range]],
    ['no explicit freshness', ['Date', date, ...range, ...tag]],
    ['an unknown total', [...lasting, ...tag, 'Content-Range', 'bytes 2-5/*']],
    ['no place', [...lasting, ...tag]],
    ['two places', [...lasting, ...tag, ...range, ...range]],
    ['several parts', [...lasting, ...tag, ...range, 'Content-Type', 'Multipart/ByteRanges; boundary=x']],
  ])('Cache G3: is not stored with %s', (_, headers) => {
    expect(judge(...headers)).toBe('status')
  })

  it.each(['bytes 0-0/1', 'bytes 2-5/10', 'Bytes 0-999/1000', 'bytes 0-999999999999998/999999999999999'])(
    'has a place at %s',
    (text) => {
      expect(parseContentRange(text)).toBeDefined()
    },
  )

  it.each([
    '',
    'bytes',
    'bytes */10',
    'bytes 5-2/10',
    'bytes 0-10/10',
    'bytes 0-5',
    'bytes=0-5/10',
    'items 0-5/10',
    'bytes  0-5/10',
    'bytes 0-5/ 10',
    'bytes -5/10',
    'bytes 0-5/10 ',
    'bytes 0-5/10, bytes 0-5/10',
    'bytes 0-5/9999999999999999',
    'bytes \u0660-5/10',
  ])('has none at %j', (text) => {
    expect(parseContentRange(text)).toBeUndefined()
  })
})
