import { canonicalTarget } from './canonical-target.ts'
import { checkTemplate, type Placeholders, pathNamesOf } from './catalog-names.ts'
import { pointerTo } from './fault.ts'
import type { Findings } from './findings.ts'
import { isFrontHeader } from './front-headers.ts'
import type { Pattern } from './pattern.ts'
import type { CompressPolicy, CorsPolicy, HeaderEdits, RewritePolicy, RoutePolicy } from './policy.ts'
import { longestWaitMs, parseDuration, parseSize } from './quantity.ts'
import type { RouteDocument } from './route-schema.ts'

export type TransformPolicy = Pick<RoutePolicy, 'cors' | 'compress' | 'rewrite'>

/** What a route changes on the way. `pattern` is undefined where the path has a fault of its own. */
export function readTransforms(
  route: RouteDocument,
  pattern: Pattern | undefined,
  pointer: string,
  findings: Findings,
): TransformPolicy {
  const { cors, compress, rewrite } = route
  return {
    ...(cors === undefined ? {} : { cors: readCors(cors, `${pointer}/cors`, findings) }),
    ...(compress === undefined ? {} : { compress: readCompress(compress) }),
    ...(rewrite === undefined ? {} : { rewrite: readRewrite(route, rewrite, pattern, `${pointer}/rewrite`, findings) }),
  }
}

function readCors(cors: NonNullable<RouteDocument['cors']>, pointer: string, findings: Findings): CorsPolicy {
  const { origins, methods, headers, exposes, credentials, maxAge } = cors
  const all = origins.indexOf('*')
  if (all >= 0 && credentials !== undefined) {
    const expected = 'with credentials, every page on the web would act as its visitor'
    findings.fault(`${pointer}/origins/${all}`, '*', expected, { fix: 'name the origins' })
  } else if (all >= 0 && origins.length > 1) {
    findings.fault(`${pointer}/origins/${all}`, '*', 'stands for all others too', { fix: 'write it alone' })
  }
  const maxAgeMs = maxAge === undefined ? undefined : (parseDuration(maxAge) as number)
  if (maxAgeMs !== undefined && maxAgeMs > longestWaitMs)
    findings.fault(`${pointer}/maxAge`, maxAge, 'expected at most 24h, which is the longest that a browser believes')
  return {
    origins: distinct(origins),
    ...(methods === undefined ? {} : { methods: distinct(methods) }),
    ...(headers === undefined ? {} : { headers: distinct(headers) }),
    ...(exposes === undefined ? {} : { exposes: distinct(exposes) }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
  }
}

/** The order of codings is meant. */
function readCompress({ codings, types, minSize }: NonNullable<RouteDocument['compress']>): CompressPolicy {
  return { codings: [...new Set(codings)], types: distinct(types), minBytes: parseSize(minSize) as number }
}

type RewriteDocument = NonNullable<RouteDocument['rewrite']>
type EditsDocument = NonNullable<RewriteDocument['request']>

function readRewrite(
  { auth }: RouteDocument,
  rewrite: RewriteDocument,
  pattern: Pattern | undefined,
  pointer: string,
  findings: Findings,
): RewritePolicy {
  const { request, response, stripPrefix, addPrefix, path, query } = rewrite
  const values: Placeholders | undefined = pattern && {
    names: [...pathNamesOf(pattern), 'request.id'],
    ...(auth === 'public' ? {} : { claims: true }),
  }
  checkPrefixes()
  checkPath()
  checkQuery()
  return {
    ...(request === undefined ? {} : { request: readEdits(request, `${pointer}/request`) }),
    ...(response === undefined ? {} : { response: readEdits(response, `${pointer}/response`) }),
    ...(stripPrefix === undefined ? {} : { stripPrefix }),
    ...(addPrefix === undefined ? {} : { addPrefix }),
    ...(path === undefined ? {} : { path }),
    ...(query === undefined ? {} : { query }),
  }

  function readEdits(edits: EditsDocument, at: string): HeaderEdits {
    const { set, add, remove } = edits
    for (const [key, headers] of Object.entries({ set, add })) {
      for (const [name, value] of Object.entries(headers ?? {})) {
        const place = pointerTo(`${at}/${key}`, name)
        checkName(name, place)
        if (values !== undefined) checkTemplate(value, values, place, findings)
      }
    }
    remove?.forEach((name, index) => {
      const place = `${at}/remove/${index}`
      if (isFrontHeader(name)) findings.fault(place, name, "is the gateway's own to write", { fix: 'leave it out' })
      const again = [...Object.keys(set ?? {}), ...Object.keys(add ?? {})].find((each) => sameName(each, name))
      if (again === undefined) return
      findings.fault(place, name, `contradicts "${again}", which is written too`, { fix: '"set" alone replaces it' })
    })
    return {
      ...(set === undefined ? {} : { set }),
      ...(add === undefined ? {} : { add }),
      ...(remove === undefined ? {} : { remove: distinct(remove.map((name) => name.toLowerCase())) }),
    }
  }

  function checkName(name: string, place: string): void {
    if (isFrontHeader(name))
      findings.faultOfKey(place, name, "is the gateway's own to write", { fix: 'choose another name' })
  }

  function checkPrefixes(): void {
    if (stripPrefix !== undefined && pattern !== undefined && !isLiteralFront(stripPrefix, pattern)) {
      const literal = literalFront(pattern)
      const fix = literal === '' ? 'take it out' : `write "${literal}", or fewer of its segments`
      findings.fault(`${pointer}/stripPrefix`, stripPrefix, `${pattern.text} does not begin so`, { fix })
    }
    if (addPrefix !== undefined) {
      const fix = 'write it as "/prefix", without a slash at its end'
      if (!isPlainPath(addPrefix)) findings.fault(`${pointer}/addPrefix`, addPrefix, 'can be read in two ways', { fix })
    }
  }

  function checkPath(): void {
    if (path === undefined) return
    const at = `${pointer}/path`
    if (stripPrefix !== undefined || addPrefix !== undefined) {
      const fix = 'take one of them out'
      findings.fault(at, path, 'is the whole path, so a prefix has nothing to do', { fix })
    }
    const plain = path.replace(/\{[^{}]*\}/g, 'x')
    if (
      plain.length > 1 && plain.endsWith('/') ? !isPlainPath(plain.slice(0, -1)) : plain !== '/' && !isPlainPath(plain)
    )
      findings.fault(at, path, 'can be read in two ways', { fix: 'write a plain path without query, as "/v2/{id}"' })
    if (pattern !== undefined) checkTemplate(path, { names: pathNamesOf(pattern) }, at, findings)
  }

  function checkQuery(): void {
    query?.remove?.forEach((name, index) => {
      if (query.set === undefined || !Object.hasOwn(query.set, name)) return
      const at = `${pointer}/query/remove/${index}`
      findings.fault(at, name, 'is set too', { fix: '"set" alone replaces it' })
    })
    if (values === undefined) return
    for (const [name, value] of Object.entries(query?.set ?? {}))
      checkTemplate(value, values, pointerTo(`${pointer}/query/set`, name), findings)
  }
}

/** `/v1/orders` of `/v1/orders/{id}`; empty where a parameter comes first. */
function literalFront({ segments }: Pattern): string {
  const end = segments.findIndex(({ kind }) => kind !== 'literal')
  const literals = end < 0 ? segments : segments.slice(0, end)
  return literals.map((segment) => (segment.kind === 'literal' ? `/${segment.text}` : '')).join('')
}

/** Whole segments, so that `/v1` is no part of `/v10`. */
function isLiteralFront(prefix: string, pattern: Pattern): boolean {
  return isPlainPath(prefix) && `${literalFront(pattern)}/`.startsWith(`${prefix}/`)
}

/** One or several segments that every server reads alike. */
function isPlainPath(path: string): boolean {
  const target = canonicalTarget(path)
  return target.unsafe === 0 && target.key === path && !path.endsWith('/') && !/[#{}]/.test(path)
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/** Sorted and each once, so that equal policies are equal texts; a draft's holes are left out. */
function distinct<Text extends string>(texts: readonly Text[]): Text[] {
  return [...new Set(texts.filter(() => true))].sort()
}
