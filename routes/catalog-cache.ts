import { checkTemplate } from './catalog-names.ts'
import type { Findings } from './findings.ts'
import { isFrontHeader } from './front-headers.ts'
import type { CacheKeyPolicy, CachePolicy, NegativePolicy } from './policy.ts'
import { parseDuration, parseSize } from './quantity.ts'
import type { RouteDocument } from './route-schema.ts'

type CacheDocument = NonNullable<RouteDocument['cache']>

/** An item of a store holds it, with its head (`valueLimitBytes` of the gateway's store). */
const mostBytes = 1024 * 1024
const longestNegativeMs = 60_000

/** Fields that say who calls: that is what `per` is for, and a client could write another one's name into a key. */
const identityFields: readonly string[] = ['authorization', 'proxy-authorization', 'cookie']

/** What a route asks of the cache; `pointer` is that of the route. */
export function readCache(route: RouteDocument, pointer: string, findings: Findings): CachePolicy | undefined {
  const { cache } = route
  if (cache === undefined) return undefined
  const at = `${pointer}/cache`
  const per = cache.per ?? (route.auth === 'public' ? 'everyone' : 'consumer')
  checkRoute(route, at, findings)
  checkSharing(route, cache, at, findings)
  checkProfile(cache, at, findings)
  const negative = readNegative(cache.negative, `${at}/negative`, findings)
  const maxBodyBytes = cache.maxBody === undefined ? undefined : parseSize(cache.maxBody)
  if (maxBodyBytes !== undefined && maxBodyBytes > mostBytes)
    findings.fault(`${at}/maxBody`, cache.maxBody, 'expected at most 1MiB, which is what a store keeps as one value')
  return {
    profile: cache.profile,
    ...duration('ttlMs', cache.ttl),
    ...(cache.override === undefined ? {} : { override: true }),
    ...duration('staleWhileRevalidateMs', cache.staleWhileRevalidate),
    ...duration('staleIfErrorMs', cache.staleIfError),
    per,
    key: readKey(cache.key, `${at}/key`, findings),
    tags: cache.tags,
    ...(negative === undefined ? {} : { negative }),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
    ...(cache.targeted === undefined ? {} : { targeted: [...new Set(cache.targeted)] }),
    ...(cache.dropSetCookie === undefined ? {} : { dropSetCookie: true }),
    ...(cache.ignoreCookies === undefined ? {} : { ignoreCookies: true }),
    ...(cache.forwardTags === undefined ? {} : { forwardTags: true }),
    ...(cache.coalesce === 'site' ? { coalesce: 'site' } : {}),
    ...(cache.prefixDepth === 4 ? {} : { prefixDepth: cache.prefixDepth }),
    ...(cache.memory === 'off' ? { memory: 'off' } : {}),
    ...(cache.warm === 'pull' ? { warm: 'pull' } : {}),
  }
}

function duration<Key extends string>(key: Key, text: string | undefined): { readonly [Name in Key]?: number } {
  return text === undefined ? {} : ({ [key]: parseDuration(text) } as { readonly [Name in Key]?: number })
}

/** Answers of this route are ones that can be kept at all. */
function checkRoute({ methods, stream }: RouteDocument, at: string, findings: Findings): void {
  if (methods !== undefined && !methods.includes('GET') && !methods.includes('HEAD')) {
    const expected = `answers to ${methods.join(', ')} are never stored`
    findings.warn(at, 'cache', expected, 'take it out, or give GET a route of its own')
  }
  if (stream !== undefined) {
    const fix = 'take "cache" or "stream" out'
    findings.faultOfKey(at, 'cache', 'an answer without end is never whole, so it is never stored', { fix })
  }
}

/** No answer for one caller reaches another but where both the service and the catalog say so. */
function checkSharing({ auth }: RouteDocument, cache: CacheDocument, at: string, findings: Findings): void {
  const { per, sharedWhenPublic } = cache
  const shared = auth !== 'public' && per === 'everyone'
  if (shared && sharedWhenPublic === undefined) {
    const fix = 'write "per: consumer", or add "sharedWhenPublic: true" where the service marks such answers public'
    findings.fault(`${at}/per`, per, "the route asks who calls, and its entries would be everyone's", { fix })
  }
  if (sharedWhenPublic !== undefined && !shared) {
    const expected = auth === 'public' ? 'nobody is asked who calls' : 'each caller has entries of their own'
    findings.warn(`${at}/sharedWhenPublic`, 'sharedWhenPublic', `${expected}, so it does nothing`, 'take it out')
  }
  if (auth === 'public' && per !== undefined && per !== 'everyone') {
    const expected = 'nobody is asked who calls on a public route, so all share the entries of nobody'
    findings.warn(`${at}/per`, 'per', expected, 'take it out, or take "auth: public" out')
  }
}

const windows = ['ttl', 'staleWhileRevalidate', 'staleIfError'] as const

/** What is written is used. */
function checkProfile(cache: CacheDocument, at: string, findings: Findings): void {
  const own = [...windows, 'override', 'negative', 'dropSetCookie', 'ignoreCookies'] as const
  if (cache.profile === 'strict') {
    for (const key of own) {
      if (cache[key] === undefined) continue
      const expected = 'the strict profile goes by what the service states, so it does nothing'
      findings.warn(`${at}/${key}`, key, expected, 'take it out, or write "profile: api"')
    }
  }
  if (cache.override !== undefined && windows.every((window) => cache[window] === undefined)) {
    const expected = 'there is no time that could replace that of the service'
    findings.warn(`${at}/override`, 'override', expected, 'add "ttl", or take it out')
  }
}

function readKey(key: CacheDocument['key'], at: string, findings: Findings): CacheKeyPolicy {
  key.headers.forEach((name, index) => {
    if (!identityFields.includes(name) && !isFrontHeader(name)) return
    const fix = name === 'cookie' ? 'name single cookies in "cookies"' : 'write "per: consumer" or "per: token"'
    findings.fault(`${at}/headers/${index}`, name, 'who calls is no part of what a client may write into a key', {
      fix,
    })
  })
  const { query } = key
  const named =
    query === 'all'
      ? undefined
      : query === 'none'
        ? query
        : 'except' in query
          ? { except: inOrder(query.except) }
          : { only: inOrder(query as readonly string[]) }
  if (key.sort !== undefined && query === 'none')
    findings.warn(`${at}/sort`, 'sort', 'no parameter is part of the key', 'take it out')
  return {
    ...(named === undefined ? {} : { query: named }),
    ...(key.sort === undefined ? {} : { sort: true }),
    ...(key.headers.length === 0 ? {} : { headers: inOrder(key.headers) }),
    ...(key.cookies.length === 0 ? {} : { cookies: inOrder(key.cookies) }),
  }
}

const inOrder = (names: readonly string[]): readonly string[] => [...new Set(names)].sort()

function readNegative(negative: CacheDocument['negative'], at: string, findings: Findings): NegativePolicy | undefined {
  if (negative === undefined) return undefined
  const statuses: Record<string, number> = {}
  let connectMs: number | undefined
  for (const [key, text] of Object.entries(negative)) {
    const ms = parseDuration(text) as number
    if (ms > longestNegativeMs)
      findings.fault(`${at}/${key}`, text, 'expected at most 60s: a failure that ended should not go on being served')
    if (key === 'connect') connectMs = ms
    else statuses[key] = ms
  }
  return { statuses, ...(connectMs === undefined ? {} : { connectMs }) }
}

/** Each name of a tag's template is one that a request has: a path parameter of `names`, a query parameter, or its caller. */
export function checkTags(route: RouteDocument, names: readonly string[], pointer: string, findings: Findings): void {
  const { cache, auth } = route
  cache?.tags.forEach((tag, at) => {
    const place = `${pointer}/cache/tags/${at}`
    const others = [...tag.matchAll(/\{(query\.[^{}\s]+|consumer)\}/g)].map(([, name]) => name as string)
    checkTemplate(tag, { names: [...names, ...others] }, place, findings)
    const shared = auth === 'public' || cache.per === 'everyone'
    if (shared && others.includes('consumer')) {
      const fix = 'take {consumer} out, or write "per: consumer"'
      findings.fault(place, tag, "entries are everyone's, so there is no one consumer to name them by", { fix })
    }
  })
}
