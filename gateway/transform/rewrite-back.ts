import type { HeaderPairs } from '../header-pairs.ts'

/** What a service says of itself, and what its client must read instead. */
export interface WayBack {
  /** Front of the service's paths, and the front of the client's that stands for it; '' = the root. */
  readonly service: string
  readonly client: string
  /** The service's names for itself: lower case, without the scheme's own port. */
  readonly authorities: ReadonlySet<string>
  /** How the client called us. */
  readonly scheme: string
  readonly host: string
}

/**
 * Location, Content-Location and Set-Cookie as the client has to read them, where the path was rewritten on its way to the
 * service (H13). What points elsewhere stays as it is. The same list when nothing was to be changed.
 */
export function rewriteBack(headers: HeaderPairs, way: () => WayBack): HeaderPairs {
  let changed: HeaderPairs | undefined
  let made: WayBack | undefined
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase()
    const isCookie = name === 'set-cookie'
    if (!isCookie && name !== 'location' && name !== 'content-location') continue
    made ??= way()
    const value = headers[at + 1] as string
    const back = isCookie ? cookieBack(value, made) : urlBack(value, made)
    if (back === value) continue
    changed ??= [...headers]
    changed[at + 1] = back
  }
  return changed ?? headers
}

const reference = /^(?:(?:(https?):)?\/\/([^/?#]*))?([^?#]*)(.*)$/is

/** `//name` would be another host to the client, and the service had said a path. Browsers read `\` as `/`, and no tabs. */
const namesHost = /^\/\t*[/\\]/

/** A URL or a path of the service. One relative to the request's own path means the same on both sides. */
function urlBack(url: string, way: WayBack): string {
  const [, scheme, authority, path = '', rest = ''] = reference.exec(url) ?? []
  if (authority === undefined) {
    if (!path.startsWith('/')) return url
    const back = pathBack(path, way)
    if (back === undefined) return url
    return (namesHost.test(back) ? `${way.scheme}://${way.host}` : '') + back + rest
  }
  const named = withoutOwnPort(authority.toLowerCase(), (scheme ?? way.scheme).toLowerCase())
  if (!way.authorities.has(named) && named !== withoutOwnPort(way.host.toLowerCase(), way.scheme)) return url
  const back = pathBack(path === '' ? '/' : path, way)
  return back === undefined ? url : `${way.scheme}://${way.host}${back}${rest}`
}

/** Undefined for a path of the service that no client's path leads to. */
function pathBack(path: string, { service, client }: WayBack): string | undefined {
  if (path === service) return client === '' ? '/' : client
  return service === '' || path.startsWith(`${service}/`) ? client + path.slice(service.length) : undefined
}

function cookieBack(cookie: string, way: WayBack): string {
  const [pair = '', ...attributes] = cookie.split(';')
  // Bound to the host and to `/` by its name: a browser would refuse it with any other path.
  if (/^\s*__host-/i.test(pair)) return cookie
  return [pair, ...attributes.map((attribute) => attributeBack(attribute, way))].join(';')
}

function attributeBack(attribute: string, way: WayBack): string {
  const equals = attribute.indexOf('=')
  if (equals < 0) return attribute
  const name = attribute.slice(0, equals).trim()
  const value = attribute.slice(equals + 1).trim()
  if (name.toLowerCase() === 'path') return ` ${name}=${cookiePathBack(value, way)}`
  return name.toLowerCase() === 'domain' ? ` ${name}=${domainBack(value, way)}` : attribute
}

/** A path above the service's front covers all that a client sees of it. Without the last slash, `/a` covers `/a` too. */
function cookiePathBack(path: string, way: WayBack): string {
  const { service, client } = way
  if (path === '/' || `${service}/`.startsWith(path.endsWith('/') ? path : `${path}/`)) return client || '/'
  return pathBack(path, way) ?? path
}

/** The service's own name, or a zone above it, becomes the name that the client called. RFC 6265 section 5.1.3. */
function domainBack(domain: string, way: WayBack): string {
  const zone = domain.replace(/^\./, '').toLowerCase()
  const host = hostOnly(way.host.toLowerCase())
  if (zone === '' || isWithin(host, zone)) return domain
  for (const authority of way.authorities) if (isWithin(hostOnly(authority), zone)) return host
  return domain
}

function isWithin(host: string, zone: string): boolean {
  return host === zone || host.endsWith(`.${zone}`)
}

function hostOnly(authority: string): string {
  return authority.replace(/:\d*$/, '')
}

export function withoutOwnPort(authority: string, scheme: string): string {
  return authority.replace(scheme === 'https' ? /:443$/ : /:80$/, '')
}
