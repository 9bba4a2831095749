import * as headers from '#routes/header-names.ts'
import { ownPrefix } from '#routes/messages.ts'
import type { RequestFacts } from '#routes/request-facts.ts'

/** Whose word about the client is taken. */
export interface FactsSettings {
  readonly platform: 'cloudflare' | 'self-hosted'
  /** Lower case; undefined = no front is trusted, and the gateway takes the peer's address. */
  readonly trustedClientIpHeader: string | undefined
}

/** A client's request as the edge sees it: facts to decide by, and the headers that may travel on. */
export interface Incoming extends RequestFacts {
  /** The target as the runtime will write it to the gateway: what is signed, and what the gateway will match. */
  readonly sent: string
  readonly requestId: string
  /** What Cloudflare found out: the client's country, and the place where this runs. Undefined elsewhere. */
  readonly country: string | undefined
  readonly colo: string | undefined
  /** What goes to the gateway: the client's own, without what only our programs or the front may say. */
  readonly forwarded: Headers
  /** What the sender claims to be; worth nothing until it is verified. */
  readonly claimed: { readonly edge: string | undefined; readonly call: string | undefined }
}

/** The little of a request that is read here; a Worker's Request and Node's both have it. */
export interface RawRequest {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  /** Cloudflare's own findings. */
  readonly cf?: unknown
}

/** Reads a request without parsing its target and without touching its body. `newId` gives an id when it brings none. */
export function readIncoming(request: RawRequest, settings: FactsSettings, newId: () => string): Incoming {
  const { method, url, headers: received } = request
  const get = (name: string) => received.get(name) ?? undefined
  const address = clientAddress(get, settings)
  const target = targetOf(url)
  const forwarded = forwardedHeaders(received, settings)
  return {
    method,
    host: hostOf(request),
    target,
    sent: sentTarget(target),
    ...(address === undefined ? {} : { address }),
    // What does not travel on, the gateway cannot decide by.
    header: (name) => forwarded.get(name) ?? undefined,
    requestId: validId(get(headers.requestId)) ?? newId(),
    country: found(request, settings, 'country'),
    colo: found(request, settings, 'colo'),
    forwarded,
    claimed: { edge: get(headers.edge), call: get(headers.call) },
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
  return received.get('host') ?? url.slice(url.indexOf('://') + 3, pathStart(url))
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
function forwardedHeaders(received: Headers, settings: FactsSettings): Headers {
  const forwarded = new Headers(received)
  for (const name of received.get('connection')?.split(',') ?? []) {
    const hop = name.trim().toLowerCase()
    // The runtime needs `upgrade` itself, to open a WebSocket.
    if (/^[a-z0-9_-]+$/.test(hop) && hop !== 'upgrade' && hop !== 'host') forwarded.delete(hop)
  }
  for (const name of received.keys()) {
    if (removed(name.replace(/[^a-z0-9]/g, '-'), settings)) forwarded.delete(name)
  }
  const cookie = forwarded.get('cookie')
  if (cookie?.includes(', ')) forwarded.set('cookie', rejoinCookies(cookie))
  return forwarded
}

function removed(name: string, { platform, trustedClientIpHeader }: FactsSettings): boolean {
  if (name.startsWith(ownPrefix) || name === 'expect' || name === 'x-forwarded-host') return true
  if (platform === 'cloudflare') return false
  // Whether a client came by TLS only a front can tell, and without one anybody could.
  if (name === 'x-forwarded-proto') return trustedClientIpHeader === undefined
  return name.startsWith('cf-') || name === 'x-forwarded-for'
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

function found({ cf }: RawRequest, { platform }: FactsSettings, name: string): string | undefined {
  const value: unknown = platform === 'cloudflare' ? Object(cf)[name] : undefined
  return typeof value === 'string' ? value : undefined
}

function validId(id: string | undefined): string | undefined {
  return id !== undefined && /^[A-Za-z0-9._~:-]{1,128}$/.test(id) ? id : undefined
}
