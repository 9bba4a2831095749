import type { Bucket, Cohort } from './vocabulary.ts'

/** How many buckets there are; basis points count the same range. */
export const bucketCount = 10_000

/**
 * The sticky bucket of a request's key, 0..9999: murmur3 of the UTF-8 bytes of `cohort:key`, without Unicode
 * normalisation. A contract between all programs and versions: a change would move users to the other site.
 */
export function bucketOf(cohort: Cohort, key: string): Bucket {
  const colonAt = cohort.length
  const length = colonAt + 1 + key.length
  let hash = 0
  let block = 0
  // Keys are ASCII in practice, where code units are the bytes: hashed in place, because joining and encoding
  // them would cost more than the hash.
  for (let at = 0; at < length; at++) {
    const code = at < colonAt ? cohort.charCodeAt(at) : at === colonAt ? colon : key.charCodeAt(at - colonAt - 1)
    if (code > 0x7f) return murmur3(utf8.encode(`${cohort}:${key}`)) % bucketCount
    block |= code << ((at & 3) << 3)
    if ((at & 3) === 3) {
      hash = withBlock(hash, block)
      block = 0
    }
  }
  return finished(hash, block, length) % bucketCount
}

/** MurmurHash3_x86_32, unsigned. */
export function murmur3(bytes: Uint8Array, seed = 0): number {
  let hash = seed
  let block = 0
  for (let at = 0; at < bytes.length; at++) {
    block |= (bytes[at] as number) << ((at & 3) << 3)
    if ((at & 3) === 3) {
      hash = withBlock(hash, block)
      block = 0
    }
  }
  return finished(hash, block, bytes.length)
}

function withBlock(hash: number, block: number): number {
  const mixed = hash ^ scrambled(block)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

/** An empty last block scrambles to 0 and so changes nothing, as the algorithm wants. */
function finished(hash: number, lastBlock: number, length: number): number {
  let mixed = hash ^ scrambled(lastBlock) ^ length
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

function scrambled(block: number): number {
  const product = Math.imul(block, 0xcc9e2d51)
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593)
}

const colon = 0x3a
const utf8 = new TextEncoder()
