import { headers as names } from '#routes/messages.ts'
import type { Exchange } from '../exchange.ts'
import { firstValue, type HeaderPairs, withoutField } from '../header-pairs.ts'
import { forwardedFields } from './forwarded-fields.ts'
import { addressClaims, claimsAddress, passRequest, takesTrailers } from './hop-by-hop.ts'

export interface HeadOptions {
  /** Our name in Via; undefined = requests get none from us. */
  readonly pseudonym: string | undefined
  /** Proxies in front of us whose word for the client is continued, not replaced. */
  readonly believes: (x: Exchange) => boolean
  /** Further fields, lower case, that a client may never bring to a service, in whatever spelling. */
  readonly strip?: ReadonlySet<string>
  /** Says who calls. */
  readonly identity?: (x: Exchange, into: HeaderPairs) => void
}

/**
 * The fields that a service or peer gets: the client's own, and what we know better than the client. `host` replaces the one
 * by which the client asked. What the route's policy edits is edited last.
 */
export function requestHead(
  x: Exchange,
  { pseudonym, believes, strip, identity }: HeadOptions,
  host = x.host,
): HeaderPairs {
  const head: HeaderPairs = ['host', host]
  if (x.body.length !== undefined) head.push('content-length', String(x.body.length))
  passRequest(x.headers, x.names, head, x.method, strip, x.decision?.effect === 'read')
  if (x.maxForwards !== undefined) head.push('max-forwards', String(x.maxForwards))
  if (takesTrailers(x)) head.push('te', 'trailers')
  if (claimsAddress(x.names)) for (const name of addressClaims) if (x.names.includes(name)) head.push(name, x.client)
  forwardedFields(x, believes(x), head)
  appendVia(x, pseudonym, head)
  head.push(names.requestId, x.requestId)
  if (x.isCopy) head.push(names.shadow, '1')
  identity?.(x, head)
  const traced = x.trace === '' ? head : retraced(head, x.trace)
  return x.editHead === undefined ? traced : x.editHead(traced)
}

/** RFC 9110 section 7.6.3. Without a name of ours the field passes as it came. */
function appendVia(x: Exchange, pseudonym: string | undefined, head: HeaderPairs): void {
  const before = x.names.includes('via') ? x.header('via') : undefined
  const ours = pseudonym === undefined ? undefined : `${x.version} ${pseudonym}`
  if (before !== undefined) head.push('via', ours === undefined ? before : `${before}, ${ours}`)
  else if (ours !== undefined) head.push('via', ours)
}

/** Our own span takes the place of the one that we were called from. */
function retraced(head: HeaderPairs, trace: string): HeaderPairs {
  const kept = firstValue(head, 'traceparent') === undefined ? head : withoutField(head, 'traceparent')
  kept.push('traceparent', trace)
  return kept
}
