import { cookies } from './messages.ts'
import { takeCookie } from './own-cookie.ts'
import type { RequestFacts } from './request-facts.ts'

/** A request that nobody has sent, as an operator writes it down. */
export interface AskedRequest {
  readonly method: string
  /** Absolute, or a path on the host that the headers name. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Two capital letters, as an edge finds out; absent: the client came without one. */
  readonly country?: string
}

/**
 * The request as those who decide would see it. The target is cut out of the URL by hand, since parsing would normalise the
 * very path that is asked about; a fragment is no part of a request. A sticky cookie counts without its signature: an
 * operator asks what it would do, and not everybody who is asked has the key.
 */
export function askedRequest({ method, url, headers = {}, country }: AskedRequest): RequestFacts {
  const fields = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  const [, authority = '', rest = ''] = /^https?:\/\/([^/?#]*)([^#]*)/i.exec(url) ?? ['', '', url]
  return {
    method,
    host: fields.get('host') ?? authority,
    target: rest.startsWith('/') || rest === '*' ? rest : `/${rest}`,
    country,
    sticky: takeCookie(fields.get('cookie') ?? '', cookies.sticky).value?.split('.')[0],
    header: (name) => fields.get(name),
  }
}
