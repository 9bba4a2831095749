import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Batch, batchLimitBytes, decodeBatch, encodeBatch } from '../../../gateway/store/batch.ts'
import type { CacheOperation } from '../../../gateway/store/cache-operation.ts'

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
const batch: fc.Arbitrary<Batch> = fc
  .record({ operations: fc.array(operation, { minLength: 1, maxLength: 8 }), lane: fc.nat({ max: 3 }), gaps: fc.nat() })
  .map(({ operations, lane, gaps }) => {
    const sequenced = operations.map((each, i) => ({ seq: 10 + i * (1 + (gaps % 3)), operation: each }))
    return {
      header: {
        v: 1,
        site: 'here',
        writer: 7,
        journal: 'J',
        lane,
        first: 10,
        count: operations.length,
        head: 100,
        debt: 2,
        now: 1_700_000_000_000,
      },
      operations: sequenced,
    }
  })

describe('a replication batch', () => {
  it('gives back what was put into it', () => {
    fc.assert(
      fc.property(batch, (written) => {
        expect(decodeBatch(encodeBatch(written))).toEqual({ kind: 'batch', batch: written })
      }),
    )
  })

  it('is not believed when any bit of its records is wrong, or when it is cut or continued', () => {
    fc.assert(
      fc.property(batch, fc.nat(), fc.nat({ max: 7 }), (written, where, bit) => {
        const bytes = encodeBatch(written)
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

  it('is not believed when its parts contradict each other, though the checksum is right', () => {
    const header = {
      v: 1,
      site: 's',
      writer: 1,
      journal: 'j',
      lane: 2,
      first: 5,
      count: 1,
      head: 9,
      debt: 0,
      now: 0,
    } as const
    const place = { namespace: 'shop', key: 'key', stamp: 77n }
    const set = encodeBatch({
      header,
      operations: [{ seq: 5, operation: { kind: 'set', ...place, value: Buffer.from('v'), flags: 3, expiresAtMs: 0 } }],
    })
    const del = encodeBatch({ header, operations: [{ seq: 5, operation: { kind: 'delete', ...place } }] })
    const forged = (bytes: Buffer, offset: number, byte: number): string => {
      const copy = Buffer.from(bytes)
      const at = copy.indexOf(10) + 1
      copy[at + offset] = byte
      copy.writeUInt32BE(crc32(copy.subarray(at + 8)), at + 4)
      return decodeBatch(copy).kind
    }
    expect(forged(set, 23, 77)).toBe('batch')

    const [seq, stamp, op, lane, expiry, flags, key] = [15, 23, 24, 25, 35, 39, 45]
    for (const [offset, byte] of [
      [seq, 10],
      [stamp, 78],
      [op, 3],
      [lane, 1],
      [flags, 4],
      [key, 0xff],
    ] as const) {
      expect(forged(set, offset, byte), `byte ${offset}`).toBe('unreadable')
    }
    for (const offset of [expiry, flags]) expect(forged(del, offset, 1)).toBe('unreadable')
    const invalidate = { kind: 'invalidate', ...place, target: 'tag' } as const
    const hard = encodeBatch({ header, operations: [{ seq: 5, operation: invalidate }] })
    const bump = encodeBatch({ header, operations: [{ seq: 5, operation: { ...invalidate, target: 'all', key: '' } }] })
    const bits = (bytes: Buffer): number => bytes.length - bytes.indexOf(10) - 1 - 5
    expect([forged(hard, bits(hard), 0), forged(bump, bits(bump), 0)]).toEqual(['batch', 'batch'])
    // Bits of a later release, a length without softness, and a scope of everything.
    expect([forged(hard, bits(hard), 4), forged(hard, bits(hard) + 4, 1), forged(bump, bits(bump), 1)]).toEqual([
      'unreadable',
      'unreadable',
      'unreadable',
    ])
    expect([forged(hard, op, 5), forged(bump, op, 4), forged(hard, expiry, 1)]).toEqual([
      'unreadable',
      'unreadable',
      'unreadable',
    ])
    expect(forged(del, op, 1)).toBe('unreadable')
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

  it('with an op of a later release is refused whole, so that nothing of it counts as done', () => {
    const [written] = fc.sample(batch, 1) as [Batch]
    for (const op of [0, 3, 6, 255]) {
      const bytes = encodeBatch(written)
      const at = bytes.indexOf(10) + 1
      bytes[at + 24] = op
      bytes.writeUInt32BE(crc32(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at))), at + 4)
      expect(decodeBatch(bytes)).toMatchObject({ kind: 'unreadable', because: 'record 1 is not as described' })
    }
  })

  it('may say more in its header than this release understands', () => {
    const [written] = fc.sample(batch, 1) as [Batch]
    const later = { ...written, header: { ...written.header, closed: true } }

    expect(decodeBatch(encodeBatch(later))).toEqual({ kind: 'batch', batch: written })
  })
})
