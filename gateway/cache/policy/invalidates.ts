import type { CacheResponse } from './entry.ts'
import { type Fields, fieldsOf, linesOf } from './fields.ts'
import { readStringList } from './structured-field.ts'

/** What an answer makes untrue: URIs in all their variants, and groups of the target's origin. */
export interface Invalidated {
  readonly uris: readonly string[]
  readonly groups: readonly string[]
}

const nothing: Invalidated = { uris: [], groups: [] }
/** All others, unknown ones too, may have changed something. RFC 9111 section 4.4. */
const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])
/** A longer one is no target that this gateway would have taken, so nothing is stored under it. */
const uriLimit = 16_384
/** Of Location and Content-Location, each of which is one line; a service that writes more gets no work from us. */
const linesLimit = 8

/**
 * What the final answer to `method` on `targetUri` (absolute, `http` or `https`) invalidates. The target comes back as it was
 * given, other URIs as the URL standard writes them: same origin only, or a service could empty its neighbours' caches.
 */
export function invalidated(method: string, targetUri: string, response: CacheResponse): Invalidated {
  if (safe.has(method) || response.status < 200) return nothing
  const fields = fieldsOf(response.headers)
  // RFC 9875 section 3: whatever the status; a field that is no list of strings counts for nothing.
  const groups = readStringList(linesOf(fields, 'cache-group-invalidation')) ?? nothing.groups
  const uris = response.status < 400 ? [targetUri, ...located(targetUri, fields)] : nothing.uris
  return { uris, groups }
}

function located(targetUri: string, { headers, names }: Fields): string[] {
  const uris = new Set<string>()
  let lines = 0
  for (let field = 0; field < names.length && lines < linesLimit; field++) {
    if (names[field] !== 'location' && names[field] !== 'content-location') continue
    lines++
    const uri = sameOrigin(headers[2 * field + 1] as string, targetUri)
    if (uri !== undefined && uri !== targetUri) uris.add(uri)
  }
  return [...uris]
}

function sameOrigin(reference: string, targetUri: string): string | undefined {
  if (reference.length > uriLimit) return undefined
  const target = URL.parse(targetUri)
  const url = target === null ? null : URL.parse(asciiOf(reference), targetUri)
  if (target === null || url === null || url.origin !== target.origin) return undefined
  // Without fragment and user, which no request carries.
  return url.origin + url.pathname + url.search
}

/** Fields are bytes (latin1 here): what is not ASCII is named by its bytes, as a client would ask for it. RFC 3986 section 2.5. */
const asciiOf = (text: string): string =>
  text.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
