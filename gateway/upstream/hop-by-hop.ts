import { effectOfMethod } from '#routes/decide.ts'
import { ownPrefix } from '#routes/messages.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'

/** Fields of one connection, never passed on. RFC 9110 section 7.6.1. */
const ofConnection: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
])
const ofRequests: ReadonlySet<string> = new Set([
  ...ofConnection,
  'expect',
  'http2-settings',
  'proxy-authorization',
  // CGI programs would take it for the proxy of their own calls (httpoxy).
  'proxy',
  // Set again by us: from the body, from the client's address, with our pseudonym.
  'content-length',
  'host',
  'via',
  'forwarded',
  'x-request-id',
  // Several frameworks serve the path that these name, whatever was asked for and let through.
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
])
const ofAnswers: ReadonlySet<string> = new Set([...ofConnection, 'proxy-authenticate', 'x-request-id'])
/** What may not stand behind a body: it would frame, route or authenticate a message that is already under way. RFC 9110 section 6.5.1. */
const notInTrailers: ReadonlySet<string> = new Set([
  ...ofAnswers,
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'host',
  'via',
  'set-cookie',
  'authorization',
  'www-authenticate',
  'cache-control',
  'age',
  'date',
  'expires',
  'location',
  'vary',
])

/** What `Connection` may name and yet not remove: else a client takes its own credential, or our word, off its request. */
const isKept = (name: string): boolean =>
  /^(?:host|content-.*|authorization|cookie|x-forwarded-.*|forwarded|via|cache-control|range|if-.*|traceparent|x-tidegate-.*)$/.test(
    name,
  )

/**
 * Fields in which fronts of all kinds say the client's address. Services believe them, so a client's own word in one is
 * replaced by what we believe.
 */
export const addressClaims: readonly string[] = [
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
]
const claims: ReadonlySet<string> = new Set(addressClaims)

/** `x_tidegate_consumer`, for some `x.tidegate.consumer`, reaches many frameworks as `x-tidegate-consumer`. */
const withoutTwin = (name: string): string => (plain.test(name) ? name : name.replace(/[^a-z0-9]/g, '-'))
const plain = /^[a-z0-9-]*$/

const isOurs = (name: string): boolean => name.charCodeAt(0) === 0x78 && withoutTwin(name).startsWith(ownPrefix)

/** By which old clients say PUT or DELETE in a POST. On any other method they only get past a check of the method. */
const methodOverrides: ReadonlySet<string> = new Set(['x-http-method-override', 'x-http-method', 'x-method-override'])

function mayOverride(method: string, by: string, reads: boolean): boolean {
  return method === 'POST' && !(reads && effectOfMethod(by.trim().toUpperCase()) === 'write')
}

interface NameFacts {
  /** The name that a service may read it by. */
  readonly twin: string
  /** What only a front may say. */
  readonly ofFronts: boolean
  readonly overridesMethod: boolean
  readonly claimsAddress: boolean
}

/** Of lower-case names that came lately: nearly all requests bear the same few. */
const known = new Map<string, NameFacts>()
const knownLimit = 1_000
const nameLimit = 64

function factsOf(name: string): NameFacts {
  return known.get(name) ?? learned(name)
}

function learned(name: string): NameFacts {
  const twin = withoutTwin(name)
  const facts = {
    twin,
    ofFronts: twin.startsWith(ownPrefix) || twin.startsWith('x-forwarded-') || ofRequests.has(twin) || claims.has(twin),
    overridesMethod: methodOverrides.has(twin),
    claimsAddress: claims.has(name),
  }
  if (name.length > nameLimit) return facts
  // All begin anew: were the latest left out, whoever once sends many names would slow every later request.
  if (known.size >= knownLimit) known.clear()
  known.set(name, facts)
  return facts
}

/** Some field of the request says a client's address. */
export function claimsAddress(names: readonly string[]): boolean {
  for (let field = 0; field < names.length; field++) if (factsOf(names[field] as string).claimsAddress) return true
  return false
}

/**
 * Appends to `into` the fields of a `method` request that pass to a service, as they came; never those in `strip`. `reads`: it
 * may be served by a site that does not own its writes, so no field makes one of it.
 */
export function passRequest(
  pairs: readonly string[],
  names: readonly string[],
  into: HeaderPairs,
  method: string,
  strip?: ReadonlySet<string>,
  reads = false,
): HeaderPairs {
  // Counted down by us. RFC 9110 section 7.6.2.
  const counted = method === 'OPTIONS' ? 'max-forwards' : ''
  const named = namedByConnection(pairs, names)
  for (let field = 0; field < names.length; field++) {
    const name = names[field] as string
    const { twin, ofFronts, overridesMethod } = factsOf(name)
    if (ofFronts || name === counted || named?.has(name) || strip?.has(twin)) continue
    if (overridesMethod && !mayOverride(method, pairs[2 * field + 1] as string, reads)) continue
    into.push(pairs[2 * field] as string, pairs[2 * field + 1] as string)
  }
  return into
}

/**
 * The answer fields that pass to a client, in order, repeated ones apart, letter case kept. `Trailer` passes only where
 * trailers do.
 */
export function passAnswer(raw: readonly Buffer[], status: number, trailers = false): HeaderPairs {
  const into: HeaderPairs = []
  let named: ReadonlySet<string> | undefined
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const written = (raw[at] as Buffer).toString('latin1')
    const name = written.toLowerCase()
    const value = (raw[at + 1] as Buffer).toString('latin1')
    if (name === 'connection') named = tokens(value, named)
    if (ofAnswers.has(name) && !(trailers && name === 'trailer')) continue
    // These have no body, so no length either: a client would wait for it. RFC 9110 section 8.6.
    if ((status === 204 || status < 200) && name === 'content-length') continue
    into.push(written, value)
  }
  return named === undefined ? into : without(into, named)
}

/**
 * The answer's own Connection, where it may name fields; undefined = none, or a plain word. Of those that it names not all are
 * there any more: a cache must know, or it keeps an answer without what limited its use. RFC 9111 section 3.1.
 */
export function connectionOf(raw: readonly Buffer[]): string | undefined {
  let said: string | undefined
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] as Buffer
    if (name.length !== 10 || name.toString('latin1').toLowerCase() !== 'connection') continue
    const value = (raw[at + 1] as Buffer).toString('latin1')
    if (value !== 'keep-alive' && value !== 'close') said = said === undefined ? value : `${said}, ${value}`
  }
  return said
}

/** Trailers go only to a client that said it takes them, and never through an edge, which drops them. RFC 9110 section 6.5.1. */
export function takesTrailers(x: Exchange): boolean {
  if (x.markKind === 'edge' || x.version !== '1.1') return false
  for (let field = 0; field < x.names.length; field++) {
    if (x.names[field] === 'te' && namesTrailers(x.headers[2 * field + 1] as string)) return true
  }
  return false
}

const namesTrailers = (te: string): boolean =>
  te.split(',').some((coding) => coding.trim().toLowerCase() === 'trailers')

/**
 * The trailers that pass to a client that `takes` them: raw pairs of HTTP/1.1, or the fields of HTTP/2. Undefined = the answer
 * had none; empty: none that pass, yet a cache must know that the answer had some.
 */
export function passTrailers(raw: unknown, takes: boolean): HeaderPairs | undefined {
  const pairs = Array.isArray(raw) ? raw.map((text: Buffer) => text.toString('latin1')) : h2Pairs(raw)
  if (pairs.length === 0) return undefined
  const into: HeaderPairs = []
  if (!takes) return into
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const name = (pairs[at] as string).toLowerCase()
    if (notInTrailers.has(name) || isOurs(name)) continue
    into.push(pairs[at] as string, pairs[at + 1] as string)
  }
  return into
}

function h2Pairs(fields: unknown): string[] {
  if (typeof fields !== 'object' || fields === null) return []
  return Object.entries(fields).flatMap(([name, values]) => [values].flat().flatMap((value) => [name, String(value)]))
}

/** Fields that a request's own Connection takes off it, lower case: no service gets them. Undefined = none. */
export function namedByConnection(pairs: readonly string[], names: readonly string[]): ReadonlySet<string> | undefined {
  let named: ReadonlySet<string> | undefined
  for (let field = 0; field < names.length; field++) {
    if (names[field] === 'connection') named = tokens(pairs[2 * field + 1] as string, named)
  }
  return named
}

/** Undefined for the usual `keep-alive` and `close`, which name no field. */
function tokens(value: string, more: ReadonlySet<string> | undefined): ReadonlySet<string> | undefined {
  if (value === 'keep-alive' || value === 'close') return more
  const named = value
    .toLowerCase()
    .split(',')
    .map((token) => token.trim())
  const removed = named.filter((name) => name !== '' && !isKept(name))
  return removed.length === 0 ? more : new Set([...(more ?? []), ...removed])
}

function without(pairs: HeaderPairs, named: ReadonlySet<string>): HeaderPairs {
  const kept: HeaderPairs = []
  for (let at = 0; at < pairs.length; at += 2) {
    if (!named.has((pairs[at] as string).toLowerCase())) kept.push(pairs[at] as string, pairs[at + 1] as string)
  }
  return kept
}

/** By which a service speaks to our cache alone: the one field of ours that it may write. */
export const cacheField = `${ownPrefix}cache-control`

/** Fields that only our programs may write are not a service's to send; but what it says to the cache, where one `hears` it. */
export function withoutOurs(pairs: HeaderPairs, hears = false): HeaderPairs {
  for (let at = 0; at < pairs.length; at += 2) {
    if (goes(pairs[at] as string, hears)) {
      const kept = pairs.slice(0, at)
      for (let next = at + 2; next < pairs.length; next += 2) {
        if (!goes(pairs[next] as string, hears)) kept.push(pairs[next] as string, pairs[next + 1] as string)
      }
      return kept
    }
  }
  return pairs
}

function goes(written: string, hears: boolean): boolean {
  const name = written.toLowerCase()
  return isOurs(name) && !(hears && name === cacheField)
}
