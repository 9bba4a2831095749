import { headers as names } from '#routes/messages.ts'
import { identityHeaders } from '../auth/identity-headers.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import { addressClaims, passRequest } from './hop-by-hop.ts'

export interface HeadOptions {
  /** Our name in Via. */
  readonly pseudonym: string
  /** Proxies in front of us whose X-Forwarded-For chain is continued, not replaced. */
  readonly believes: (x: Exchange) => boolean
}

/** The fields that a service gets: the client's own, and what we know better than the client. */
export function requestHead(x: Exchange, { pseudonym, believes }: HeadOptions): HeaderPairs {
  const head: HeaderPairs = ['host', x.host]
  if (x.body.length !== undefined) head.push('content-length', String(x.body.length))
  passRequest(x.headers, x.names, head, x.method)
  for (const name of addressClaims) if (x.names.includes(name)) head.push(name, x.client)
  forwarded(head, 'x-forwarded-for', believes(x) ? chain(x) : x.client)
  forwarded(head, 'x-forwarded-host', x.host)
  forwarded(head, 'x-forwarded-proto', x.scheme)
  const via = x.names.includes('via') ? `${x.header('via')}, ` : ''
  head.push('via', `${via}${x.version} ${pseudonym}`)
  head.push(names.requestId, x.requestId)
  identityHeaders(x.caller, head)
  return head
}

function forwarded(head: HeaderPairs, name: string, value: string): void {
  head.push(name, value)
}

/** Whom a believed proxy spoke for, and that proxy. */
function chain(x: Exchange): string {
  const before = x.header('x-forwarded-for')
  return before === undefined ? x.client : `${before}, ${x.peer}`
}
