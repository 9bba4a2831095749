import { hash } from 'node:crypto'
import { isFrontHeader } from '#routes/front-headers.ts'
import type { RewritePolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Log } from '#server-kit/log.ts'
import type { Exchange } from '../exchange.ts'
import { type HeaderPairs, lowerNames } from '../header-pairs.ts'
import { compiledOnce } from '../transform/compiled-once.ts'
import { applyEdits, type CompiledEdits, twinless } from '../transform/header-edits.ts'
import { requestEdits } from '../transform/request-edits.ts'
import { valuesOf } from '../transform/rewrite-values.ts'
import { type HeadOptions, requestHead } from '../upstream/request-head.ts'
import type { LinesOf } from './variant-index.ts'

/** Credentials to whoever set them: what is kept of them is a hash. */
const secret: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization'])

/**
 * A request's fields by which an answer's Vary selects (V5): as they go to the service. Of one that the gateway removes, writes
 * or edits, the client's own counts as well: with `Vary: Authorization`, an answer to a request whose credential was taken off
 * would else match everybody's.
 */
export function readSentFields(head: HeadOptions, log: Log): (x: Exchange, route: RouteFacts) => LinesOf {
  const strip = head.strip ?? new Set<string>()
  const editsOf = compiledOnce('rewrite', log, (route: RouteFacts) =>
    requestEdits(route.policy.rewrite as RewritePolicy, strip),
  )
  return (x, route) => {
    const edits = route.policy.rewrite?.request === undefined ? undefined : editsOf(route)
    let sent: { readonly pairs: HeaderPairs; readonly names: readonly string[] } | undefined
    return (name) => {
      const own = linesOf(x.headers, x.names, name)
      if (passes(x, name, strip, edits)) return secret.has(name) ? hashed(own) : own
      if (sent === undefined) {
        const whole = requestHead(x, head)
        const pairs = edits === undefined ? whole : applyEdits(whole, edits, valuesOf(x, route))
        sent = { pairs, names: lowerNames(pairs) }
      }
      const given = linesOf(sent.pairs, sent.names, name)
      return own === undefined && given === undefined ? undefined : hashed([own, given])
    }
  }
}

/** The service gets the field as the client wrote it. */
function passes(x: Exchange, name: string, strip: ReadonlySet<string>, edits: CompiledEdits | undefined): boolean {
  const twin = twinless(name)
  if (isFrontHeader(name) || strip.has(twin)) return false
  // A client may take fields of its own off a request.
  if (x.names.includes('connection') && !/^(?:keep-alive|close)$/.test(x.header('connection') ?? '')) return false
  return edits === undefined || !(edits.gone.has(twin) || edits.written.some((field) => twinless(field.name) === twin))
}

function linesOf(pairs: readonly string[], names: readonly string[], name: string): readonly string[] | undefined {
  let lines: string[] | undefined
  for (let field = 0; field < names.length; field++) {
    if (names[field] !== name) continue
    lines ??= []
    lines.push(pairs[2 * field + 1] as string)
  }
  return lines
}

function hashed(what: unknown): readonly string[] | undefined {
  return what === undefined ? undefined : [hash('sha256', JSON.stringify(what), 'base64url')]
}
