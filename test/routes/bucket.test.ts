import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketCount, bucketOf, murmur3 } from '#routes/bucket.ts'

interface Vectors {
  readonly hashes: readonly { text: string; seed: number; hash: string }[]
  readonly buckets: readonly { cohort: string; key: string; bucket: number }[]
}
const vectors = JSON.parse(readFileSync(new URL('../corpora/bucket-vectors.json', import.meta.url), 'utf8')) as Vectors
const utf8 = new TextEncoder()

describe('a bucket', () => {
  it.each(vectors.hashes)('of $text with seed $seed has the published hash $hash', ({ text, seed, hash }) => {
    expect(murmur3(utf8.encode(text), seed).toString(16).padStart(8, '0')).toBe(hash)
  })

  it.each(vectors.buckets)('of $cohort and $key is $bucket, in every version', ({ cohort, key, bucket }) => {
    expect(bucketOf(cohort, key)).toBe(bucket)
  })

  it('is the hash of the UTF-8 bytes, whichever way it is computed', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('a', 'é', '用', '😀', '\ud800', '\udc00') }))
    fc.assert(
      fc.property(text, text, (cohort, key) => {
        expect(bucketOf(cohort, key)).toBe(murmur3(utf8.encode(`${cohort}:${key}`)) % bucketCount)
      }),
    )
  })
})
