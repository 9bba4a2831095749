import { problems as common } from '#routes/errors.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Exchange } from '../exchange.ts'
import { queryText, valuesOf } from './rewrite-values.ts'
import { safePath } from './safe-path.ts'
import { compileTemplate, fillTemplate, type Template } from './template.ts'

/** Where a route's redirect leads: what names the host, what is path, and what follows it. */
export interface RedirectTarget {
  readonly route: RouteFacts
  readonly origin: Template
  readonly path: Template
  readonly rest: Template
}

export function compileRedirect(to: string, route: RouteFacts): RedirectTarget {
  const [, origin = '', path = '', rest = ''] = /^((?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*)?([^?#]*)(.*)$/is.exec(to) ?? []
  return {
    route,
    origin: compileTemplate(origin),
    path: compileTemplate(ascii(path)),
    rest: compileTemplate(ascii(rest)),
  }
}

/**
 * The value of Location. What a client wrote may be part of a path or a query, or one label of a host name: never another
 * host, another parameter or another line. Refuses with `target-unsafe` what would be.
 */
export function redirectTarget(x: Exchange, { route, origin, path, rest }: RedirectTarget, keepQuery: boolean): string {
  const values = valuesOf(x, route)
  const host = fillTemplate(origin, (name) => label(values(name)))
  const where = fillTemplate(path, values)
  const after = fillTemplate(rest, (name) => queryText(name, values(name) ?? ''))
  if (host === undefined || where === undefined || after === undefined) return refuse()
  const query = keepQuery ? (x.decision?.target.query ?? '') : ''
  return host + (where === '' ? '' : safePath(x, where)) + withQuery(after, ascii(query))
}

function withQuery(rest: string, query: string): string {
  if (query.length <= 1) return rest
  const hash = rest.indexOf('#')
  const own = hash < 0 ? rest : rest.slice(0, hash)
  const fragment = hash < 0 ? '' : rest.slice(hash)
  return own + (own === '' ? query : `${own === '?' ? '' : '&'}${query.slice(1)}`) + fragment
}

function label(value: string | undefined): string | undefined {
  return value !== undefined && /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(value) ? value : undefined
}

/** A Location is a URI: printable ASCII. RFC 3986 section 2. */
function ascii(url: string): string {
  return url.replace(/[^\x21-\x7e]/g, (character) => encodeURIComponent(character.toWellFormed()))
}

function refuse(): never {
  throw common['target-unsafe']({ classes: 'not a part of the redirect' })
}
