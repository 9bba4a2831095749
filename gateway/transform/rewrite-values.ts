import type { RouteFacts } from '#routes/structure.ts'
import type { Exchange } from '../exchange.ts'
import { rawCaptures } from './raw-captures.ts'
import { pathOf } from './safe-path.ts'

/** What the places of a template stand for in one request; undefined = the request has no such value. */
export type ValueOf = (name: string) => string | undefined

const claimPrefix = 'claim.'

/** `{name}` of path parameters as the client wrote them, `{claim.name}` of a verified caller, `{request.id}`. */
export function valuesOf(x: Exchange, route: RouteFacts): ValueOf {
  let captures: Readonly<Record<string, string>> | undefined
  return (name) => {
    if (name === 'request.id') return x.requestId
    if (name.startsWith(claimPrefix)) return claimOf(x, name.slice(claimPrefix.length))
    captures ??= rawCaptures(route.pattern, pathOf(x.target))
    return captures[name]
  }
}

function claimOf(x: Exchange, name: string): string | undefined {
  const claims = x.caller?.claims
  return claims !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined
}

/** A value that is no part of the path: its characters as the bytes of a field, which services read as UTF-8. */
export function fieldText(name: string, value: string): string {
  return name.startsWith(claimPrefix) && /[^\0-\x7f]/.test(value)
    ? Buffer.from(value, 'utf8').toString('latin1')
    : value
}

/** The same inside a query: nothing in it may begin another parameter. What the path had escaped stays so. */
export function queryText(name: string, value: string): string {
  if (name.startsWith(claimPrefix)) return encodeURIComponent(value.toWellFormed())
  return value.replace(/[&=+;#]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}
