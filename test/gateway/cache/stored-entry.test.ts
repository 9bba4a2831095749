import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../../../gateway/cache/policy/entry.ts'
import { decodeEntry, encodeEntry, type StoredEntry } from '../../../gateway/cache/stored-entry.ts'
import { entryOf } from './entries.ts'

const stored = (entry: Partial<Entry> = {}, body = Buffer.from('hello')): StoredEntry => ({
  clear: 'G|path 2:/x',
  selects: ['d1'],
  entry: entryOf(entry),
  body,
  site: 'onprem',
  epoch: 7,
})

const anyByteText = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })

const anyEntry: fc.Arbitrary<Entry> = fc
  .record({
    status: fc.integer({ min: 200, max: 999 }),
    reason: anyByteText,
    headers: fc.array(fc.tuple(anyByteText, anyByteText), { maxLength: 8 }).map((pairs) => pairs.flat()),
    requestMs: fc.nat(),
    responseMs: fc.nat(),
    freshness: fc.record({
      lifetimeS: fc.nat(),
      initialAgeS: fc.double({ min: 0, max: 1e9, noNaN: true }).map((age) => age + 0),
      staleWhileRevalidateS: fc.nat(),
      staleIfErrorS: fc.nat(),
      validateAlways: fc.boolean(),
      neverStale: fc.boolean(),
      windowForbidden: fc.boolean(),
    }),
    vary: fc.array(anyByteText, { maxLength: 3 }),
    guarded: fc.array(anyByteText, { maxLength: 3 }),
    tags: fc.array(anyByteText, { maxLength: 3 }),
  })
  .chain((entry) =>
    fc.record({
      entry: fc.constant(entry),
      part: fc.option(fc.record({ first: fc.nat(), last: fc.nat(), total: fc.nat() }), { nil: undefined }),
      negative: fc.boolean(),
    }),
  )
  .map(({ entry, part, negative }) => ({ ...entry, ...(part && { part }), ...(negative ? { negative: true } : {}) }))

describe('a stored answer', () => {
  it('Cache S8: comes back byte for byte: lines of one name in order, empty values, bytes above ASCII, any body', () => {
    const headers = ['Set-Cookie', 'a', 'set-cookie', 'b', 'X-Empty', '', 'X-Odd', '\x80\xe9\xff "\\', 'X-Odd', ' t\t']
    const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const read = decodeEntry(encodeEntry(stored({ headers, reason: 'D\xe9j\xe0' }, body)))

    expect(read?.entry.headers).toEqual(headers)
    expect(read?.entry.reason).toBe('D\xe9j\xe0')
    expect(read?.body).toEqual(body)
  })

  it('Cache S8: of any kind comes back as it was', () => {
    fc.assert(
      fc.property(anyEntry, anyByteText, fc.uint8Array(), fc.nat(), (entry, clear, bytes, epoch) => {
        const whole = { clear, selects: [clear], entry, body: Buffer.from(bytes), site: 'cloud', epoch }
        expect(decodeEntry(encodeEntry(whole))).toEqual(whole)
      }),
    )
  })

  it('has its body as a view into what was read', () => {
    const bytes = encodeEntry(stored())

    expect(decodeEntry(bytes)?.body.buffer).toBe(bytes.buffer)
  })

  it('is a clean miss when it was cut anywhere, or something was put behind it', () => {
    const bytes = encodeEntry(stored())

    for (let end = 0; end < bytes.length; end++) expect(decodeEntry(bytes.subarray(0, end))).toBeUndefined()
    expect(decodeEntry(Buffer.concat([bytes, Buffer.from('x')]))).toBeUndefined()
  })

  it('is a clean miss in the form of the first release, and in that of a later one', () => {
    const head = Buffer.from(JSON.stringify([1, 200, 'OK', 1_700_000_000_000, ['content-type', 'text/plain']]))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(head.length)
    const later = encodeEntry(stored())
    later[2] = 3

    expect(decodeEntry(Buffer.concat([length, head, Buffer.from('hello')]))).toBeUndefined()
    expect(decodeEntry(later)).toBeUndefined()
  })

  it('is a clean miss for any other bytes, also behind a good beginning: never an error', () => {
    const bytes = encodeEntry(stored())
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        expect(decodeEntry(Buffer.from(random))).toBeUndefined()
      }),
    )
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        const changed = Buffer.from(bytes)
        changed[at] = byte
        // Whatever it gives, it has the shape of an answer.
        const read = decodeEntry(changed)
        expect(read === undefined || Array.isArray(read.entry.headers)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['no list', {}],
    ['a shorter list', ['clear', 'onprem', 0]],
    ['a header without value', headWith(12, ['x-a'])],
    ['a header that is no text', headWith(12, ['x-a', 1])],
    ['a status that no answer has', headWith(3, 42)],
    ['a time that is no number', headWith(5, [1, 2, 3, 4, 5, null])],
    ['half a part', headWith(11, [1, 2])],
  ])('is a clean miss with %s in its head', (_, head) => {
    const text = Buffer.from(JSON.stringify(head))
    const start = Buffer.from([0x54, 0x48, 2, 0, 0, 0, 0, text.length, 0, 0, 0, 0])

    expect(decodeEntry(Buffer.concat([start, text]))).toBeUndefined()
  })
})

/** A good head but for one place. */
function headWith(place: number, value: unknown): unknown[] {
  const good = ['clear', 'onprem', 0, 200, 'OK', [1, 2, 3, 4, 5, 6], [0, 0, 0, 0], [], [], [], [], [], ['x-a', 'b']]
  const start = Buffer.from([0x54, 0x48, 2, 0, 0, 0, 0, JSON.stringify(good).length, 0, 0, 0, 0])
  expect(decodeEntry(Buffer.concat([start, Buffer.from(JSON.stringify(good))]))).toBeDefined()
  return good.with(place, value as never)
}
