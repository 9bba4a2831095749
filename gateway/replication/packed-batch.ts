import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { batchLimitBytes } from './batch.ts'

/** Smaller ones gain less than the turn costs, bytes. */
export const packFromBytes = 4 * 1024

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
// The fastest: a link that is too slow for it has a bandwidth cap, and values above 2 kB are compressed already.
const params = { [constants.ZSTD_c_compressionLevel]: 1 }

export interface Packed {
  readonly body: Buffer
  /** `content-encoding`; absent: as it is. */
  readonly encoding?: 'zstd'
}

/** The batch as it goes over the wire. On a thread of the pool: a full one takes milliseconds. */
export async function packBatch(batch: Buffer): Promise<Packed> {
  if (batch.length <= packFromBytes) return { body: batch }
  const body = await compress(batch, { params })
  return body.length < batch.length ? { body, encoding: 'zstd' } : { body: batch }
}

/**
 * Undoes it. `too-large` as soon as more than a batch may have comes out, however little went in; `unreadable` for whatever
 * was not packed by `packBatch`.
 */
export async function unpackBatch(
  body: Buffer,
  encoding: string | undefined,
): Promise<Buffer | 'too-large' | 'unreadable'> {
  if (encoding === undefined) return body.length > batchLimitBytes ? 'too-large' : body
  if (encoding !== 'zstd') return 'unreadable'
  try {
    return await decompress(body, { maxOutputLength: batchLimitBytes })
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'unreadable'
  }
}
