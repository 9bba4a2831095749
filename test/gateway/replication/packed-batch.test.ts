import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchLimitBytes } from '../../../gateway/replication/batch.ts'
import { packBatch, packFromBytes, unpackBatch } from '../../../gateway/replication/packed-batch.ts'

describe('a packed batch', () => {
  it('comes out as it went in, smaller on the way where that pays', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 60 }), async (piece, times) => {
        const batch = Buffer.concat(Array.from({ length: times }, () => piece))

        const { body, encoding } = await packBatch(batch)

        expect(body.length).toBeLessThanOrEqual(batch.length)
        expect(await unpackBatch(body, encoding)).toEqual(batch)
      }),
    )
    expect(await packBatch(Buffer.alloc(packFromBytes))).not.toHaveProperty('encoding')
    expect(await packBatch(Buffer.alloc(packFromBytes + 1))).toMatchObject({ encoding: 'zstd' })
  })

  it('is refused when more comes out than a batch may have, however little went in', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024))
    expect(bomb.length).toBeLessThan(16 * 1024)

    const before = process.memoryUsage().arrayBuffers
    // Not the bytes themselves: a failure would print all of them.
    expect(String(await unpackBatch(bomb, 'zstd')).slice(0, 20)).toBe('too-large')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * batchLimitBytes)

    expect(await unpackBatch(Buffer.alloc(batchLimitBytes + 1), undefined)).toBe('too-large')
    expect(await unpackBatch(zstdCompressSync(Buffer.alloc(batchLimitBytes)), 'zstd')).toHaveLength(batchLimitBytes)
  })

  it('is refused when it is packed otherwise, or not at all', async () => {
    expect(await unpackBatch(Buffer.from('plain'), 'zstd')).toBe('unreadable')
    expect(await unpackBatch(Buffer.from('plain'), 'gzip')).toBe('unreadable')
    expect(await unpackBatch(zstdCompressSync(Buffer.from('cut')).subarray(0, 8), 'zstd')).toBe('unreadable')
  })
})
