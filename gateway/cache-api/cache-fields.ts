import { tagLimitBytes } from '../cache/policy/content-tags.ts'
import { declaredTag } from '../cache/tag-names.ts'
import { problems } from '../errors.ts'
import {
  contentEncodingLimitBytes,
  contentTypeLimitBytes,
  keyLimitBytes,
  type Stamp,
  valueLimitBytes,
} from '../store/cache-store.ts'
import { exactTagLimit } from '../store/tag-key.ts'
import { isCounterStep } from './counter.ts'
import { leaseLimitMs } from './leases.ts'

/** The values of the cache API, read strictly, wherever they stand: each refusal names the field. */

export const longestTtlSeconds = 10 * 365 * 24 * 3600
const longestSoftSeconds = 86_400
/** RFC 9110 section 5.5. Anything else would be an answer that cannot be sent. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/
const codingList = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: *, *[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/

export const invalid = (field: string, because: string, cause?: unknown) =>
  // The field may be a client's own word: no more of it than tells which one it is.
  problems['cache-request-invalid']({ field: field.slice(0, 64), because, cause })

/** A key as the store takes it. */
export function checkKey(key: string): string {
  const bytes = Buffer.byteLength(key)
  if (bytes < 1 || bytes > keyLimitBytes) throw invalid('the key', `it must be 1 to ${keyLimitBytes} bytes`)
  if (!key.isWellFormed()) throw invalid('the key', 'it must be Unicode text')
  return key
}

/** ms. 0 is no way to say "for ever" nor "delete": memcached and HTTP read it in opposite ways. */
export function ttlMs(field: string, seconds: number): number {
  return 1000 * secondsWithin(field, seconds, longestTtlSeconds)
}

export const softMs = (field: string, seconds: number): number =>
  1000 * secondsWithin(field, seconds, longestSoftSeconds)

export const leaseMs = (field: string, seconds: number): number =>
  1000 * secondsWithin(field, seconds, leaseLimitMs / 1000)

function secondsWithin(field: string, seconds: number, most: number): number {
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > most) {
    throw invalid(field, `it must be 1 to ${most} whole seconds`)
  }
  return seconds
}

/** A number of seconds as text; NaN for any other text. */
export const secondsText = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : Number.NaN)

export function checkFlags(field: string, flags: number): number {
  if (!Number.isInteger(flags) || flags < 0 || flags > 0xffffffff) throw invalid(field, 'it must be 0 to 4294967295')
  return flags
}

export function checkContentType(field: string, type: string): string {
  if (type === '' || !fieldValue.test(type)) throw invalid(field, 'it must be the value of a header')
  if (Buffer.byteLength(type) > contentTypeLimitBytes) {
    throw invalid(field, `it must be at most ${contentTypeLimitBytes} bytes`)
  }
  return type
}

/** Undefined for `identity`, which says nothing. */
export function checkContentEncoding(field: string, coding: string): string | undefined {
  if (!codingList.test(coding) || coding.length > contentEncodingLimitBytes) {
    throw invalid(field, `it must name content codings in at most ${contentEncodingLimitBytes} bytes`)
  }
  return coding.toLowerCase() === 'identity' ? undefined : coding
}

/** As an invalidation by the same words finds them; `tags` are bytes, one character each. */
export function checkTags(field: string, tags: readonly string[]): readonly string[] {
  if (tags.length > exactTagLimit) throw invalid(field, `it must be at most ${exactTagLimit} tags`)
  for (const tag of tags) {
    if (tag === '' || tag.length > tagLimitBytes) throw invalid(field, `a tag must be 1 to ${tagLimitBytes} bytes`)
  }
  return [...new Set(tags.map(declaredTag))]
}

/** An entity tag's inside; undefined where it cannot be one of ours. */
export function uniqueOf(text: string): Stamp | undefined {
  const unique = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined
  return unique === undefined || unique >> 64n > 0n ? undefined : unique
}

export function checkToken(field: string, text: string): Stamp {
  const token = uniqueOf(text)
  if (token === undefined) throw invalid(field, 'it must be the token that a lease gave')
  return token
}

export function checkStep(field: string, by: bigint): bigint {
  if (!isCounterStep(by)) throw invalid(field, 'it must be a whole number of at most 64 bits')
  return by
}

export function checkValue(value: Buffer): Buffer {
  if (value.length > valueLimitBytes) throw problems['cache-too-large']({ limit: valueLimitBytes, unit: 'bytes' })
  return value
}
