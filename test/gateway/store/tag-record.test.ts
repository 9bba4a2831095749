import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { makeStamp } from '../../../gateway/store/stamp.ts'
import {
  decodeRecord,
  emptyRecord,
  encodeRecord,
  judgeItem,
  mergeRecords,
  readSoftMs,
  sameRecord,
  softLimitMs,
  type TagRecord,
} from '../../../gateway/store/tag-record.ts'

const stamp = fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
const record: fc.Arbitrary<TagRecord> = fc.record({
  since: stamp,
  hard: stamp,
  soft: stamp,
  softMs: fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: softLimitMs })),
  scopes: stamp,
  tags: stamp,
})
const at = (ms: number): bigint => makeStamp(ms, 0, 1)
const item = (ms: number) => ({ stamp: at(ms), asOf: at(ms) })
const tells = (over: Partial<TagRecord>): TagRecord => ({ ...emptyRecord, ...over })

describe('the record of a tag', () => {
  it('merges alike in any order and as often as it comes', () => {
    fc.assert(
      fc.property(record, record, record, (a, b, c) => {
        const ab = mergeRecords(a, b)
        expect(mergeRecords(b, a)).toEqual(ab)
        expect(mergeRecords(ab, c)).toEqual(mergeRecords(a, mergeRecords(b, c)))
        expect(mergeRecords(ab, a)).toEqual(ab)
        expect(sameRecord(mergeRecords(a, a), a)).toBe(true)
      }),
    )
  })

  it('gives the length of softness to the newest soft stamp', () => {
    const [long, short] = [tells({ soft: 1n, softMs: 90 }), tells({ soft: 2n, softMs: 10 })]

    expect(mergeRecords(long, short)).toMatchObject({ soft: 2n, softMs: 10 })
  })

  it('comes back from its bytes, and nothing else does', () => {
    fc.assert(
      fc.property(record, fc.uint8Array({ maxLength: 60 }), (written, bytes) => {
        const encoded = encodeRecord(written)
        expect(decodeRecord(encoded)).toEqual(written)
        expect(decodeRecord(encoded.subarray(1))).toBeUndefined()
        expect(decodeRecord(Buffer.concat([encoded, Buffer.of(0)]))).toBeUndefined()
        expect(decodeRecord(Buffer.from(bytes))).toBeUndefined()
      }),
    )
  })

  it('takes an item that is below it, and not one with its own stamp', () => {
    expect(judgeItem(item(1), tells({ hard: at(2) }), 0)).toEqual({
      kind: 'gone',
      because: 'invalidated',
      stamp: at(2),
    })
    expect(judgeItem(item(2), tells({ hard: at(2) }), 0)).toEqual({ kind: 'current' })
    expect(judgeItem(item(1), undefined, 0)).toEqual({ kind: 'gone', because: 'tag-missing' })
    expect(judgeItem(item(1), tells({ since: at(2) }), 0)).toMatchObject({ because: 'tag-missing', stamp: at(2) })
    expect(judgeItem({ stamp: at(1), asOf: at(2) }, tells({ since: at(2) }), 0)).toEqual({ kind: 'current' })
    expect(judgeItem({ stamp: at(1), asOf: at(9) }, tells({ hard: at(2) }), 0)).toMatchObject({
      because: 'invalidated',
    })
  })

  it('lets a soft one be used until its time is over, the strictest of several', () => {
    const soft = (sinceMs: number, softMs: number) => tells({ soft: at(sinceMs), softMs })
    const first = judgeItem(item(1), soft(10, 100), 50)

    expect(first).toEqual({ kind: 'current', soft: { sinceMs: 10, forMs: 100 } })
    expect(judgeItem(item(1), soft(5, 50), 50, first)).toEqual({ kind: 'current', soft: { sinceMs: 5, forMs: 50 } })
    expect(judgeItem(item(1), soft(40, 500), 50, first)).toEqual({ kind: 'current', soft: { sinceMs: 10, forMs: 100 } })
    expect(judgeItem(item(1), soft(10, 40), 50, first)).toMatchObject({ kind: 'gone', because: 'invalidated' })
    expect(judgeItem(item(10), soft(10, 40), 50)).toEqual({ kind: 'current' })
    const gone = judgeItem(item(1), undefined, 50)
    expect(judgeItem(item(1), soft(10, 100), 50, gone)).toBe(gone)
  })

  it('holds whole milliseconds of softness up to 49 days, and no nonsense', () => {
    expect([readSoftMs(0), readSoftMs(0.1), readSoftMs(1e12)]).toEqual([0, 1, softLimitMs])
    expect([readSoftMs(-1), readSoftMs(Number.NaN)]).toEqual([undefined, undefined])
  })
})
