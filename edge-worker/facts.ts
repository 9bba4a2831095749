import * as headers from '#routes/header-names.ts'
import { cookies } from '#routes/messages.ts'
import { takeCookie } from '#routes/own-cookie.ts'
import type { RequestFacts } from '#routes/request-facts.ts'
import type { Site } from '#routes/vocabulary.ts'
import { isTrace, newTrace } from './trace.ts'

/** Whose word about the client is taken. */
export interface FactsSettings {
  readonly platform: 'cloudflare' | 'self-hosted'
  /** Lower case; undefined = no front is trusted, and the gateway takes the peer's address. */
  readonly trustedClientIpHeader: string | undefined
  /** Lower case, self-hosted: in it the front puts the client's country; undefined = nobody knows it. */
  readonly trustedCountryHeader: string | undefined
}

/** A client's request as the edge sees it: facts to decide by, and the headers that may travel on. */
export interface Incoming extends RequestFacts {
  /** The target as the runtime will write it to the gateway: what is signed, and what the gateway will match. */
  readonly sent: string
  readonly requestId: string
  /** The place where this runs, as Cloudflare names it; undefined elsewhere. */
  readonly colo: string | undefined
  /** How the fields that go to the gateway differ from those that came: a value to set, or undefined to remove. */
  readonly edits: ReadonlyMap<string, string | undefined>
  /** What the sender claims to be, or to have from us; worth nothing until it is verified. */
  readonly claimed: Claimed
  /** Filled in by `believe`, once they are verified: the client's key, and where its tester sends it. */
  sticky?: string | undefined
  forced?: Site | undefined
}

export interface Claimed {
  readonly edge: string | undefined
  readonly call: string | undefined
  /** Of header and cookie. */
  readonly forces: readonly (string | undefined)[]
  readonly sticky: string | undefined
}

/** The little of a request that is read here; a Worker's Request and Node's both have it. */
export interface RawRequest {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  /** Cloudflare's own findings. */
  readonly cf?: unknown
}

/**
 * Reads a request without parsing its target and without touching its body. `newId` gives a random UUID: the request's id
 * when it brings none, and the name of its trace.
 */
export function readIncoming(request: RawRequest, settings: FactsSettings, newId: () => string): Incoming {
  const { method, url } = request
  const received = new Map<string, string>()
  // Read once, and not by an iterator, which costs three times as much in workerd.
  request.headers.forEach((value, name) => void received.set(name, value))
  const get = (name: string) => received.get(name)
  const target = targetOf(url)
  const edits = editsOf(received, settings)
  // The runtime opens a WebSocket for whatever has this field: of a POST it would make a GET without a body, and to what
  // names no key it would add the handshake.
  const opens = method === 'GET' && received.has('sec-websocket-key')
  if (!opens && received.has('upgrade')) edits.set('upgrade', undefined)
  const cookie = get('cookie') ?? ''
  const force = takeCookie(rejoinCookies(cookie), cookies.force)
  // The runtime reads bytes as UTF-8: a cookie in latin1 stays whole only where nothing is set.
  if (force.rest !== cookie && !edits.has('cookie')) edits.set('cookie', force.rest || undefined)
  const id = newId()
  if (isTrace(get('traceparent'))) edits.delete('traceparent')
  else edits.set('traceparent', newTrace(id))
  return {
    method,
    host: get('host') ?? authorityOf(url),
    target,
    sent: sentTarget(target),
    address: clientAddress(get, settings),
    // What does not travel on, the gateway cannot decide by.
    header: (name) => (edits.has(name) ? edits.get(name) : received.get(name)),
    requestId: validId(get(headers.requestId)) ?? id,
    country: clientCountry(request, get, settings),
    colo: found(request, settings, 'colo'),
    edits,
    claimed: {
      edge: get(headers.edge),
      call: get(headers.call),
      forces: [get(headers.force), force.value],
      sticky: takeCookie(force.rest, cookies.sticky).value,
    },
  }
}

/** Makes of the client's fields those that travel on. */
export function edit(fields: Headers, { edits }: Pick<Incoming, 'edits'>): void {
  for (const [name, value] of edits) {
    if (value === undefined) fields.delete(name)
    else fields.set(name, value)
  }
}

/**
 * The raw target: cut out of the URL from the first `/` after the authority, never parsed. `new URL` would resolve
 * dot segments and turn `\` into `/`, and edge and gateway would read two different paths.
 */
export function targetOf(url: string): string {
  const target = url.slice(pathStart(url))
  // `OPTIONS *` reaches a Worker as `http://host*`.
  if (target === '') return url.endsWith('*') ? '*' : '/'
  return target.startsWith('/') ? target : `/${target}`
}

/**
 * workerd shows a Worker the raw target, but resolves raw dot segments when it sends: `/a/../b` leaves as `/b`. A
 * mark over other bytes than the gateway receives would be worth nothing, so the same is done here first.
 */
export function sentTarget(target: string): string {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  if (!/\/\.\.?(?:\/|$)/.test(path)) return target
  const kept: string[] = []
  let open = false
  for (const segment of path.slice(1).split('/')) {
    open = segment === '.' || segment === '..'
    if (segment === '..') kept.pop()
    if (!open) kept.push(segment)
  }
  // A path that ends in a dot segment names a folder: RFC 3986 section 5.2.4 leaves the slash.
  if (open) kept.push('')
  return `/${kept.join('/')}${target.slice(path.length)}`
}

/** The client's host as sent; HTTP/2 fronts may leave it in the URL alone. */
export function hostOf({ url, headers: received }: Pick<RawRequest, 'url' | 'headers'>): string {
  return received.get('host') ?? authorityOf(url)
}

function authorityOf(url: string): string {
  return url.slice(url.indexOf('://') + 3, pathStart(url))
}

function pathStart(url: string): number {
  const authority = url.indexOf('://') + 3
  const slash = url.indexOf('/', authority)
  const query = url.indexOf('?', authority)
  const first = slash >= 0 && query >= 0 ? Math.min(slash, query) : Math.max(slash, query)
  return first < 0 ? url.length : first
}

/**
 * Removed: every `x-tidegate-*`, which only our programs send; addresses and hosts that a client could invent; and
 * `expect`, since workerd would take the origin's `100` for the final answer and each such upload would fail.
 * Underscore twins go too: CGI-like servers behind us read `x_tidegate_edge` as `x-tidegate-edge`. What `Connection`
 * names was meant for us alone (RFC 9110 section 7.6.1).
 */
function editsOf(received: ReadonlyMap<string, string>, settings: FactsSettings): Map<string, string | undefined> {
  const edits = new Map<string, string | undefined>()
  for (const name of received.get('connection')?.toLowerCase().split(',') ?? []) {
    const hop = name.trim()
    // The runtime needs `upgrade` itself, to open a WebSocket.
    if (hop !== 'upgrade' && hop !== 'host' && received.has(hop)) edits.set(hop, undefined)
  }
  for (const name of received.keys()) {
    // Only a gateway can tell whether doctor asks.
    if (name !== headers.echo && removed(name, settings)) edits.set(name, undefined)
  }
  return edits
}

const ofOurs = /^(?:expect$|x[\W_]tidegate[\W_]|x[\W_]forwarded[\W_]host$)/
const ofCloudflare = /^(?:cf[\W_]|x[\W_]forwarded[\W_]for$)/
const scheme = /^x[\W_]forwarded[\W_]proto$/

function removed(name: string, { platform, trustedClientIpHeader }: FactsSettings): boolean {
  if (ofOurs.test(name)) return true
  if (platform === 'cloudflare') return false
  // Whether a client came by TLS only a front can tell, and without one anybody could.
  return ofCloudflare.test(name) || (trustedClientIpHeader === undefined && scheme.test(name))
}

/**
 * The runtime joins two Cookie fields by `, `, which servers read as one strange value; RFC 6265 section 5.4 parts
 * cookies by `; `. Only a comma before a new `name=` is a join: values may hold commas of their own.
 */
function rejoinCookies(cookie: string): string {
  return cookie.replace(/, (?=[^=;, ]+=)/g, '; ')
}

/** Believed only where whoever set it is known. A list is the front's own when it comes last. */
function clientAddress(get: RequestFacts['header'], settings: FactsSettings): string | undefined {
  const name = settings.platform === 'cloudflare' ? 'cf-connecting-ip' : settings.trustedClientIpHeader
  const last = name && get(name)?.split(',').at(-1)?.trim()
  return last && /^[0-9A-Fa-f:.]{2,45}$/.test(last) ? last : undefined
}

/** Two letters as in ISO 3166; Cloudflare has a few of its own, such as T1 for Tor. */
function clientCountry(request: RawRequest, get: RequestFacts['header'], settings: FactsSettings): string | undefined {
  const { platform, trustedCountryHeader: name } = settings
  const told = name && platform === 'self-hosted' ? get(name) : found(request, settings, 'country')
  return told && /^[a-z][a-z\d]$/i.test(told) ? told.toUpperCase() : undefined
}

function found({ cf }: RawRequest, { platform }: FactsSettings, name: string): string | undefined {
  const value: unknown = platform === 'cloudflare' ? Object(cf)[name] : undefined
  return typeof value === 'string' ? value : undefined
}

function validId(id: string | undefined): string | undefined {
  return id !== undefined && /^[A-Za-z0-9._~:-]{1,128}$/.test(id) ? id : undefined
}
