import { unsafeClasses, unsafeClassNames } from '#routes/canonical-target.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { Ending } from '../phase.ts'

/** What traffic may use that two servers could treat differently. Closed: rows of reports, and bits of a mask. */
export const features = [
  ...unsafeClassNames,
  'path-parameter',
  'escape',
  'escape-not-canonical',
  'upper-case-path',
  'trailing-slash',
  'absolute-form',
  'query-repeated',
  'method-unusual',
  'http-1.0',
  'header-case',
  'header-repeated',
  'header-latin1',
  'cookies-apart',
  'get-body',
  'delete-body',
  'chunked-upload',
  'expect',
  'keep-alive',
  'upgrade-ignored',
  'websocket',
  'websocket-subprotocol',
  'te-trailers',
  'range',
  'conditional',
  'method-override',
  'event-stream',
  'answer-coded',
  'answer-chunked',
  'answer-trailers',
  'status-unusual',
  'location',
  'set-cookie',
  'set-cookie-domain',
  'answer-broken',
] as const

export type Feature = (typeof features)[number]

const usualMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const usualStatuses: ReadonlySet<number> = new Set([
  200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 416,
  422, 428, 429, 431, 500, 501, 502, 503, 504,
])

/** Each oddity of one exchange, once; most have none. Called after its end: nobody waits for it. */
export function featuresOf(x: Exchange, answer: Answer, ending: Ending): Feature[] {
  const found: Feature[] = []
  ofTarget(x, found)
  if (!usualMethods.has(x.method)) found.push('method-unusual')
  if (x.version === '1.0') found.push('http-1.0')
  ofFields(x, found)
  if (x.body.present && (x.method === 'GET' || x.method === 'HEAD')) found.push('get-body')
  if (x.body.present && x.method === 'DELETE') found.push('delete-body')
  if (x.upgrade === 'websocket') found.push('websocket')
  // What the gateway itself answers says nothing of the service.
  if (answer.problem === undefined) ofAnswer(answer, found)
  if (ending === 'upstream-truncated') found.push('answer-broken')
  return found
}

function ofTarget(x: Exchange, found: Feature[]): void {
  const target = x.decision?.target
  if (target === undefined) return
  if (target.unsafe !== 0) found.push(...unsafeClasses(target.unsafe))
  const { key, query } = target
  const end = x.target.length - query.length
  if (key.includes(';')) found.push('path-parameter')
  if (key.includes('%')) found.push('escape')
  if (key.length !== end || !x.target.startsWith(key)) found.push('escape-not-canonical')
  if (/[A-Z]/.test(key.replace(/%[0-9A-F]{2}/g, ''))) found.push('upper-case-path')
  if (key.length > 1 && key.endsWith('/')) found.push('trailing-slash')
  if (x.absolute) found.push('absolute-form')
  if (query !== '' && repeats(query)) found.push('query-repeated')
}

function repeats(query: string): boolean {
  const names = query
    .slice(1)
    .split('&', 200)
    .map((pair) => pair.split('=', 1)[0])
  return new Set(names).size !== names.length
}

/** `Content-Type` and `content-type` are what libraries write; anything else some device does, and compares by bytes. */
const usualCase = /^(?:[a-z0-9-]+|(?:[A-Z][a-z0-9]*)(?:-[A-Z0-9][a-z0-9]*)*)$/
const knownCases: ReadonlySet<string> = new Set([
  'ETag',
  'TE',
  'DNT',
  'WWW-Authenticate',
  'X-XSS-Protection',
  'X-CSRF-Token',
])

/** No object: every object has a `constructor`, and a client may call a field so. */
const byName: ReadonlyMap<string, Feature> = new Map([
  ['expect', 'expect'],
  ['keep-alive', 'keep-alive'],
  ['range', 'range'],
  ['if-match', 'conditional'],
  ['if-none-match', 'conditional'],
  ['if-modified-since', 'conditional'],
  ['if-unmodified-since', 'conditional'],
  ['if-range', 'conditional'],
  ['sec-websocket-protocol', 'websocket-subprotocol'],
  ['transfer-encoding', 'chunked-upload'],
  ['x-http-method-override', 'method-override'],
  ['x-http-method', 'method-override'],
  ['x-method-override', 'method-override'],
])

function ofFields(x: Exchange, found: Feature[]): void {
  const { names, headers } = x
  let odd = false
  let latin1 = false
  let repeated = false
  for (let field = 0; field < names.length; field++) {
    const name = names[field] as string
    const written = headers[2 * field] as string
    const value = headers[2 * field + 1] as string
    const feature = byName.get(name)
    if (feature !== undefined && !found.includes(feature)) found.push(feature)
    if (name === 'te' && value.toLowerCase().includes('trailers')) found.push('te-trailers')
    if (name === 'upgrade' && x.upgrade === undefined) found.push('upgrade-ignored')
    odd ||= !usualCase.test(written) && !knownCases.has(written)
    latin1 ||= /[\x80-\xff]/.test(value)
    if (names.indexOf(name) !== field) {
      if (name === 'cookie') found.push('cookies-apart')
      else repeated = true
    }
  }
  if (odd) found.push('header-case')
  if (latin1) found.push('header-latin1')
  if (repeated) found.push('header-repeated')
}

function ofAnswer({ status, headers }: Answer, found: Feature[]): void {
  if (!usualStatuses.has(status)) found.push('status-unusual')
  for (let at = 0; at < headers.length; at += 2) ofAnswerField(headers, at, found)
  // Neither told nor chunked by name: it ends with its connection, or is told in pieces.
  if (status >= 200 && status !== 204 && status !== 304 && !has(headers, 'content-length')) found.push('answer-chunked')
}

function ofAnswerField(headers: HeaderPairs, at: number, found: Feature[]): void {
  const name = (headers[at] as string).toLowerCase()
  const value = headers[at + 1] as string
  const push = (feature: Feature) => void (found.includes(feature) || found.push(feature))
  if (name === 'content-type' && value.startsWith('text/event-stream')) push('event-stream')
  else if (name === 'content-encoding') push('answer-coded')
  else if (name === 'trailer') push('answer-trailers')
  else if (name === 'location') push('location')
  else if (name === 'set-cookie') push(/;\s*domain=/i.test(value) ? 'set-cookie-domain' : 'set-cookie')
}

function has(headers: HeaderPairs, name: string): boolean {
  for (let at = 0; at < headers.length; at += 2) if ((headers[at] as string).toLowerCase() === name) return true
  return false
}
