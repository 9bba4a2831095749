import { noExpiry } from '../store/cache-store.ts'
import { isNamespace } from '../store/node-key.ts'
import type { Condition, DeleteCommand, PutCommand } from './cache-command.ts'
import {
  checkContentEncoding,
  checkContentType,
  checkFlags,
  checkKey,
  checkTags,
  checkToken,
  checkValue,
  invalid,
  secondsText,
  softMs,
  ttlMs,
  uniqueOf,
} from './cache-fields.ts'

/** What a request of the cache API says, by its target and its headers. */

export type Headers = Readonly<Record<string, string | string[] | undefined>>

export const cachePrefix = '/cache/v1/'

export interface CacheTarget {
  readonly namespace: string
  readonly key: string
}

/** What a POST is for: `keyVerbs` of one key, `namespaceVerbs` of many. */
export type PostTarget =
  | { readonly verb: KeyVerb; readonly namespace: string; readonly key: string }
  | { readonly verb: NamespaceVerb; readonly namespace: string }

const keyVerbs = ['incr', 'touch', 'append', 'lease'] as const
const namespaceVerbs = ['batch', 'invalidate'] as const
export type KeyVerb = (typeof keyVerbs)[number]
export type NamespaceVerb = (typeof namespaceVerbs)[number]

/**
 * The key is everything after `{namespace}/` of the raw target, percent-decoded once: neither `new URL` nor a router may
 * touch it, since `a/../b` and `a//b` are keys like any other.
 */
export function readTarget(rawTarget: string): CacheTarget {
  const path = pathOf(rawTarget)
  const slash = path.indexOf('/', cachePrefix.length)
  const namespace = readNamespace(path, slash === -1 ? path.length : slash)
  return { namespace, key: checkKey(slash === -1 ? '' : decodeOnce(path.slice(slash + 1))) }
}

/** The last `:` of the path starts the verb: a key may have others, and one of its own at the end is percent-encoded. */
export function readPostTarget(rawTarget: string): PostTarget {
  const path = pathOf(rawTarget)
  const colon = path.lastIndexOf(':')
  const word = colon === -1 ? '' : path.slice(colon + 1)
  const slash = path.indexOf('/', cachePrefix.length)
  const ofKey = slash !== -1 && slash < colon
  const verb = (ofKey ? keyVerbs : namespaceVerbs).find((each) => each === word)
  if (verb === undefined) {
    throw invalid(
      'the verb',
      'POST takes {namespace}/{key} with :incr, :touch, :append, :lease, or {namespace} with :batch, :invalidate',
    )
  }
  const namespace = readNamespace(path, ofKey ? slash : colon)
  if (verb === 'batch' || verb === 'invalidate') return { verb, namespace }
  return { verb, namespace, key: checkKey(decodeOnce(path.slice(slash + 1, colon))) }
}

const pathOf = (rawTarget: string): string => rawTarget.split('?', 1)[0] ?? ''

function readNamespace(path: string, end: number): string {
  const namespace = path.slice(cachePrefix.length, end)
  if (!path.startsWith(cachePrefix) || !isNamespace(namespace)) {
    throw invalid('the namespace', 'it must be 1 to 32 characters of a-z, 0-9 and -')
  }
  return namespace
}

function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw invalid('the key', 'it must be percent-encoded UTF-8', cause)
  }
}

/** A query parameter of this request; any other than `known` is refused, since a misspelt `soft` would be a hard delete. */
export function readQuery(rawTarget: string, known: string): string | undefined {
  const question = rawTarget.indexOf('?')
  const query = new URLSearchParams(question === -1 ? '' : rawTarget.slice(question + 1))
  for (const name of query.keys()) if (name !== known) throw invalid(name, 'there is no such parameter')
  const values = query.getAll(known)
  if (values.length > 1) throw invalid(known, 'it must stand once')
  return values[0]
}

/** `?prepend=1` of an append. */
export function readPrepend(rawTarget: string): boolean {
  const prepend = readQuery(rawTarget, 'prepend')
  if (prepend !== undefined && prepend !== '0' && prepend !== '1') throw invalid('prepend', 'it must be 0 or 1')
  return prepend === '1'
}

export function readPut(key: string, headers: Headers, body: Buffer): PutCommand {
  const contentType = one(headers, 'content-type')
  const coding = one(headers, 'content-encoding')
  const contentEncoding = coding === undefined ? undefined : checkContentEncoding('content-encoding', coding)
  return {
    op: 'put',
    key,
    value: checkValue(body),
    ...readLife(headers),
    flags: readFlags(headers),
    ...(contentType === undefined ? {} : { contentType: checkContentType('content-type', contentType) }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    tags: readTags(headers),
    when: readPutCondition(headers),
  }
}

export function readDelete(key: string, rawTarget: string, headers: Headers): DeleteCommand {
  const soft = readQuery(rawTarget, 'soft')
  const when = readCondition(headers, 'if-match')
  return { op: 'delete', key, when, ...(soft === undefined ? {} : { softMs: softMs('soft', secondsText(soft)) }) }
}

/** `x-tidegate-cache-ttl` (seconds), else `cache-control: max-age`, else none; beyond it `stale-while-revalidate`. */
export function readLife(headers: Headers): { readonly ttlMs: number; readonly staleMs: number } {
  const control = one(headers, 'cache-control') ?? ''
  const own = one(headers, 'x-tidegate-cache-ttl')
  const maxAge = own ?? directive(control, 'max-age')
  const stale = directive(control, 'stale-while-revalidate')
  const field = own === undefined ? 'cache-control' : 'x-tidegate-cache-ttl'
  const life = maxAge === undefined ? noExpiry : ttlMs(field, secondsText(maxAge))
  return { ttlMs: life, staleMs: stale === undefined || life === noExpiry ? 0 : readStale(stale) }
}

const readStale = (text: string): number => (text === '0' ? 0 : softMs('stale-while-revalidate', secondsText(text)))

function directive(control: string, name: string): string | undefined {
  for (const each of control.split(',')) {
    const [word = '', value = ''] = each.split('=', 2)
    if (word.trim().toLowerCase() === name) return value.trim().replace(/^"(.*)"$/, '$1')
  }
  return undefined
}

/** `x-tidegate-cache-flags`: 32 bits that belong to the client. */
export function readFlags(headers: Headers): number {
  const text = one(headers, 'x-tidegate-cache-flags')
  if (text === undefined) return 0
  return checkFlags('x-tidegate-cache-flags', /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN)
}

/** The header's characters are bytes, most likely of UTF-8: only what HTTP calls white space is none of a tag. */
function readTags(headers: Headers): readonly string[] {
  const field = 'x-tidegate-cache-tags'
  const text = one(headers, field) ?? ''
  if (text === '') return []
  return checkTags(
    field,
    text.split(',').map((tag) => tag.replace(/^[ \t]+|[ \t]+$/g, '')),
  )
}

function readPutCondition(headers: Headers): PutCommand['when'] {
  const lease = one(headers, 'x-tidegate-cache-lease')
  const match = readCondition(headers, 'if-match')
  const noneMatch = one(headers, 'if-none-match')?.trim()
  const given = [lease, one(headers, 'if-match'), noneMatch].filter((each) => each !== undefined)
  if (given.length > 1) throw invalid('the condition', 'if-match, if-none-match and a lease stand alone')
  if (lease !== undefined) return { kind: 'leased', token: checkToken('x-tidegate-cache-lease', lease) }
  if (noneMatch === undefined) return match
  if (noneMatch !== '*') throw invalid('if-none-match', 'on PUT it must be *')
  return { kind: 'absent' }
}

/** `*` or one entity tag; absent: always. */
export function readCondition(headers: Headers, field: 'if-match'): Condition {
  const text = one(headers, field)?.trim()
  if (text === undefined) return { kind: 'always' }
  if (text === '*') return { kind: 'present' }
  if (!/^(?:W\/)?"[^"]*"$/.test(text)) throw invalid(field, 'it must be * or one entity tag')
  const unique = text.startsWith('"') ? uniqueOf(text.slice(1, -1)) : undefined
  return unique === undefined ? { kind: 'never' } : { kind: 'same', unique }
}

/** Whether a GET knows this value already. RFC 9110 section 13.1.2: any of a list, compared weakly. */
export function isKnown(headers: Headers, unique: bigint): boolean {
  const text = one(headers, 'if-none-match')
  if (text === undefined) return false
  return text.trim() === '*' || text.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${unique}"`)
}

export function one(headers: Headers, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.join(', ')
}
