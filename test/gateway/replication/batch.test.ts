import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Batch,
  type BatchHeader,
  batchLimitBytes,
  decodeBatch,
  encodeBatch,
} from '../../../gateway/replication/batch.ts'
import { type CacheOperation, isInvalidation } from '../../../gateway/store/cache-operation.ts'
import { encodeRecord } from '../../../gateway/store/operation-record.ts'

const place = {
  namespace: fc.stringMatching(/^[a-z0-9-]{1,32}$/),
  key: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }).filter((key) => Buffer.byteLength(key) <= 1024),
  stamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
}
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .filter((text) => Buffer.byteLength(text) <= 250 && !/\p{Cc}/u.test(text))
const tags = fc
  .record({ exact: fc.array(name, { maxLength: 3 }), scopes: fc.array(name, { maxLength: 2 }) })
  .filter(({ exact, scopes }) => exact.length + scopes.length > 0)
const soft = { softMs: fc.nat({ max: 0xffffffff }) }
const operation: fc.Arbitrary<CacheOperation> = fc.oneof(
  fc.record({ kind: fc.constant('delete' as const), ...place }),
  fc.record(
    {
      kind: fc.constant('invalidate' as const),
      ...place,
      target: fc.constantFrom('tag' as const, 'scope' as const),
      key: name,
      ...soft,
    },
    { requiredKeys: ['kind', 'namespace', 'key', 'stamp', 'target'] },
  ),
  fc.record(
    {
      kind: fc.constant('invalidate' as const),
      ...place,
      target: fc.constant('all' as const),
      key: fc.constant(''),
      ...soft,
    },
    { requiredKeys: ['kind', 'namespace', 'key', 'stamp', 'target'] },
  ),
  fc.record(
    {
      kind: fc.constant('set' as const),
      ...place,
      value: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
      flags: fc.nat({ max: 0xffffffff }),
      contentType: fc.string({ unit: 'grapheme', maxLength: 40 }),
      tags,
      expiresAtMs: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    },
    { requiredKeys: ['kind', 'namespace', 'key', 'stamp', 'value', 'flags', 'expiresAtMs'] },
  ),
)
const batch: fc.Arbitrary<Written> = fc
  .record({ operations: fc.array(operation, { minLength: 1, maxLength: 8 }), lane: fc.nat({ max: 3 }), gaps: fc.nat() })
  .map(({ operations, lane, gaps }) => writtenOf(operations, { lane, step: 1 + (gaps % 3) }))

interface Written {
  readonly bytes: Buffer
  readonly batch: Batch
}

/** As a journal gives them: one row of seqs over both logs. */
function writtenOf(operations: readonly CacheOperation[], { lane = 2, step = 1, head = 100 } = {}): Written {
  const sequenced = operations.map((each, i) => ({ seq: 10 + i * step, operation: each }))
  const invalidations = sequenced.filter(({ operation: each }) => isInvalidation(each))
  const values = sequenced.filter(({ operation: each }) => !isInvalidation(each))
  const log = (of: typeof sequenced) => ({ after: 9, first: of[0]?.seq ?? 0, count: of.length })
  const header: BatchHeader = {
    v: 2,
    site: 'here',
    place: 'p1',
    journal: 'J',
    writer: 7,
    lane,
    head,
    debt: 2,
    waiting: 1_700_000_000_000,
    now: 1_700_000_000_001,
    invalidations: log(invalidations),
    values: log(values),
    bumps: [{ namespace: 'shop', stamp: 2n ** 64n - 1n }],
  }
  const records = [...invalidations, ...values].flatMap((each) => encodeRecord({ ...each, lane }))
  return { bytes: encodeBatch(header, records), batch: { header, invalidations, values } }
}

describe('a replication batch', () => {
  it('gives back what was put into it', () => {
    fc.assert(
      fc.property(batch, (written) => {
        expect(decodeBatch(written.bytes)).toEqual({ kind: 'batch', batch: written.batch })
      }),
    )
  })

  it('is not believed when any bit of its records is wrong, or when it is cut or continued', () => {
    fc.assert(
      fc.property(batch, fc.nat(), fc.nat({ max: 7 }), ({ bytes }, where, bit) => {
        const recordsAt = bytes.indexOf(10) + 1
        const at = recordsAt + (where % (bytes.length - recordsAt))
        const flipped = Buffer.from(bytes)
        flipped[at] = (flipped[at] as number) ^ (1 << bit)

        expect(decodeBatch(flipped).kind).toBe('unreadable')
        expect(decodeBatch(bytes.subarray(0, at)).kind).toBe('unreadable')
        expect(decodeBatch(Buffer.concat([bytes, Buffer.from([bit])])).kind).toBe('unreadable')
      }),
    )
  })

  it('takes a value that became a delete on the way in its own place', () => {
    const header = writtenOf([]).batch.header
    const gone = { kind: 'delete', namespace: 'shop', key: 'k', stamp: 3n } as const
    const bytes = encodeBatch(
      { ...header, values: { after: 9, first: 10, count: 1 } },
      encodeRecord({ seq: 10, lane: header.lane, operation: gone }),
    )

    expect(decodeBatch(bytes)).toMatchObject({ batch: { invalidations: [], values: [{ seq: 10, operation: gone }] } })
  })

  it('is not believed when its records are not those of its header', () => {
    const [del, set] = [
      { kind: 'delete', namespace: 'shop', key: 'k', stamp: 3n },
      { kind: 'set', namespace: 'shop', key: 'k', stamp: 3n, value: Buffer.from('v'), flags: 0, expiresAtMs: 0 },
    ] as const
    const intent = { ...del, kind: 'intent' } as const
    const bump = { kind: 'invalidate', namespace: 'shop', target: 'all', key: '', stamp: 3n } as const
    const { header } = writtenOf([]).batch
    const read = (
      logs: { invalidations?: object; values?: object; head?: number },
      ...records: Parameters<typeof encodeRecord>[0][]
    ): string => decodeBatch(encodeBatch({ ...header, ...logs } as BatchHeader, records.flatMap(encodeRecord))).kind
    const one = { after: 9, first: 10, count: 1 }
    const [seq, { lane }] = [10, header]

    expect(read({ invalidations: one }, { seq, lane, operation: del })).toBe('batch')
    expect(read({ values: one }, { seq, lane, operation: set })).toBe('batch')
    for (const wrong of [
      read({ invalidations: one }, { seq, lane, operation: set }),
      read({ invalidations: one }, { seq, lane, operation: intent }),
      read({ values: one }, { seq, lane, operation: intent }),
      read({ values: one }, { seq, lane, operation: bump }),
      read({ invalidations: one }, { seq, lane: lane + 1, operation: del }),
      read({ invalidations: one }, { seq: 11, lane, operation: del }),
      read({ invalidations: { ...one, after: 10 } }, { seq, lane, operation: del }),
      read({ invalidations: one, head: 9 }, { seq, lane, operation: del }),
      read({ invalidations: { ...one, count: 2 } }, { seq, lane, operation: del }),
      read({ invalidations: { ...one, count: 2 } }, { seq, lane, operation: del }, { seq, lane, operation: del }),
      read({ invalidations: { ...one, count: 0 } }),
      read({ invalidations: { ...one, count: 500 }, values: { ...one, count: 13 } }),
    ]) {
      expect(wrong).toBe('unreadable')
    }
  })

  it('is refused without a throw, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.jsonValue(), (bytes, header) => {
        expect(decodeBatch(Buffer.from(bytes)).kind).toBe('unreadable')
        const withHeader = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), bytes])
        expect(decodeBatch(withHeader).kind).toBe('unreadable')
      }),
    )
    expect(decodeBatch(Buffer.alloc(batchLimitBytes + 1)).kind).toBe('unreadable')
  })

  it.each([
    { site: 'a/b' },
    { place: '' },
    { journal: 'x'.repeat(65) },
    { writer: 256 },
    { lane: -1 },
    { head: 1.5 },
    { v: 1 },
    { closed: false },
    { afterLoss: false },
    { bumps: [['No', '1']] },
    { bumps: [['shop', '-1']] },
    { bumps: [['shop', String(2n ** 64n)]] },
    { bumps: Array.from({ length: 101 }, () => ['shop', '1']) },
    { values: undefined },
  ])('is refused with a header like %j', (over) => {
    const { bytes } = writtenOf([])
    const header = JSON.parse(bytes.toString()) as object
    const read = (changed: object): string =>
      decodeBatch(Buffer.from(`${JSON.stringify({ ...header, ...changed })}\n`)).kind

    expect(read({})).toBe('batch')
    expect(read(over)).toBe('unreadable')
  })

  it('with an op of a later release is refused whole, so that nothing of it counts as done', () => {
    for (const op of [0, 3, 8, 255]) {
      const bytes = Buffer.from(writtenOf([{ kind: 'delete', namespace: 'shop', key: 'k', stamp: 3n }]).bytes)
      const at = bytes.indexOf(10) + 1
      bytes[at + 24] = op
      bytes.writeUInt32BE(crc32(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at))), at + 4)
      expect(decodeBatch(bytes)).toMatchObject({ kind: 'unreadable', because: 'invalidation 1 is not as described' })
    }
  })

  it('may say more in its header than this release understands', () => {
    const [written] = fc.sample(batch, 1) as [Written]
    const end = written.bytes.indexOf(10)
    const line = JSON.stringify({ ...(JSON.parse(written.bytes.toString('utf8', 0, end)) as object), later: true })
    const bytes = Buffer.concat([Buffer.from(line), written.bytes.subarray(end)])

    expect(decodeBatch(bytes)).toEqual({ kind: 'batch', batch: written.batch })
  })
})
