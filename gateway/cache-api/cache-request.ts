import { problems } from '../errors.ts'
import { contentTypeLimitBytes, keyLimitBytes, noExpiry, type Stamp } from '../store/cache-store.ts'
import { isNamespace } from '../store/node-key.ts'

/** What a request of the cache API says, read strictly: each refusal names the field. */

type Headers = Readonly<Record<string, string | string[] | undefined>>

export const cachePrefix = '/cache/v1/'

export interface CacheTarget {
  readonly namespace: string
  readonly key: string
}

/**
 * The key is everything after `{namespace}/` of the raw target, percent-decoded once: neither `new URL` nor a router may
 * touch it, since `a/../b` and `a//b` are keys like any other.
 */
export function readTarget(rawTarget: string): CacheTarget {
  const path = rawTarget.split('?', 1)[0] ?? ''
  const slash = path.indexOf('/', cachePrefix.length)
  const namespace = path.slice(cachePrefix.length, slash === -1 ? path.length : slash)
  if (!path.startsWith(cachePrefix) || !isNamespace(namespace)) {
    throw invalid('the namespace', 'it must be 1 to 32 characters of a-z, 0-9 and -')
  }
  const key = slash === -1 ? '' : decodeOnce(path.slice(slash + 1))
  const bytes = Buffer.byteLength(key)
  if (bytes < 1 || bytes > keyLimitBytes) throw invalid('the key', `it must be 1 to ${keyLimitBytes} bytes`)
  return { namespace, key }
}

function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw invalid('the key', 'it must be percent-encoded UTF-8', cause)
  }
}

const longestTtlSeconds = 10 * 365 * 24 * 3600

/** `x-tidegate-cache-ttl` (seconds), else `cache-control: max-age`, else none; ms. */
export function readTtlMs(headers: Headers): number {
  const own = one(headers, 'x-tidegate-cache-ttl')
  if (own !== undefined) return ttlMs('x-tidegate-cache-ttl', own)
  const maxAge = /(?:^|[,\s])max-age="?([^",\s]*)/i.exec(one(headers, 'cache-control') ?? '')?.[1]
  return maxAge === undefined ? noExpiry : ttlMs('cache-control', maxAge)
}

function ttlMs(field: string, text: string): number {
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0
  // 0 is no way to say "for ever" nor "delete": memcached and HTTP read it in opposite ways.
  if (seconds < 1 || seconds > longestTtlSeconds) throw invalid(field, `it must be 1 to ${longestTtlSeconds} seconds`)
  return seconds * 1000
}

/** `x-tidegate-cache-flags`: 32 bits that belong to the client. */
export function readFlags(headers: Headers): number {
  const text = one(headers, 'x-tidegate-cache-flags')
  if (text === undefined) return 0
  const flags = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (!(flags <= 0xffffffff)) throw invalid('x-tidegate-cache-flags', 'it must be 0 to 4294967295')
  return flags
}

/** The content type as it came. An encoded body is refused: its encoding is not kept, and without it nobody can read it. */
export function readContentType(headers: Headers): string | undefined {
  if ((one(headers, 'content-encoding') ?? 'identity') !== 'identity') {
    throw invalid('content-encoding', 'encoded bodies are not stored')
  }
  const type = one(headers, 'content-type')
  if (type !== undefined && Buffer.byteLength(type) > contentTypeLimitBytes) {
    throw invalid('content-type', `it must be at most ${contentTypeLimitBytes} bytes`)
  }
  return type
}

/** What must hold of the stored value. `nothing`: a tag that cannot be one of ours, so it never holds. */
export type Precondition = { readonly stamp: Stamp } | 'any' | 'nothing' | undefined

/** `if-match` or `if-none-match`: `*` or one entity tag. */
export function readPrecondition(headers: Headers, field: 'if-match' | 'if-none-match'): Precondition {
  const text = one(headers, field)?.trim()
  if (text === undefined) return undefined
  if (text === '*') return 'any'
  if (!/^(?:W\/)?"[^"]*"$/.test(text)) throw invalid(field, 'it must be * or one entity tag')
  const unique = /^"(\d{1,20})"$/.exec(text)?.[1]
  const stamp = unique === undefined ? undefined : BigInt(unique)
  return stamp === undefined || stamp >> 64n > 0n ? 'nothing' : { stamp }
}

function one(headers: Headers, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.join(', ')
}

const invalid = (field: string, because: string, cause?: unknown) =>
  problems['cache-request-invalid']({ field, because, cause })
