import { setTimeout as pause } from 'node:timers/promises'
import { canonicalTarget } from '#routes/canonical-target.ts'
import { type CacheInvalidation, invalidationWordLimit } from '#routes/gateway-answers.ts'
import type { Table } from '#routes/table.ts'
import { problems } from '../errors.ts'
import { type CacheStore, keyLimitBytes, type Stamp } from '../store/cache-store.ts'
import { byteText } from './byte-text.ts'
import { CachedRoutes } from './cached-routes.ts'
import { tagLimitBytes } from './policy/content-tags.ts'
import {
  declaredTag,
  defaultPrefixDepth,
  groupTag,
  prefixScope,
  resourceHost,
  routeScope,
  uriTags,
} from './tag-names.ts'

/** An invalidation as the store takes it. */
export interface Purge {
  readonly namespace: string
  readonly all: boolean
  readonly tags: readonly string[]
  readonly scopes: readonly string[]
  readonly keys: readonly string[]
  /** Absent: hard. */
  readonly softMs?: number
  /** How many words of each kind it came from. */
  readonly words: Readonly<Record<string, number>>
}

/** What a namespace of stored answers begins with; others hold what programs put there under keys of their own. */
export const answersPrefix = 'http-'

const wordKinds = ['urls', 'prefixes', 'tags', 'groups', 'routes', 'keys'] as const
type WordKind = (typeof wordKinds)[number]

/** A target this long is refused at the front door. */
const urlLimitBytes = 16_384
/** Longest word of each kind. */
const limitBytes: Readonly<Record<WordKind, number>> = {
  urls: urlLimitBytes,
  prefixes: urlLimitBytes,
  tags: tagLimitBytes,
  groups: tagLimitBytes,
  routes: 1_024,
  keys: keyLimitBytes,
}
const softLimitS = 86_400
/** Operations on the store at once: its sockets have room for those of everybody else, too. */
const atOnce = 64
/** Before each round, ms: long enough together for a zone whose breaker opened on one late answer to be tried again. */
const pausesMs = [0, 20, 100, 300, 300]

type Act = () => Promise<string>

/**
 * Every word, or none: throws `cache-request-invalid` that names the first word that cannot be followed, or
 * `cache-prefix-too-deep`. Pure. Words are read by the table in force, which also says how routes tell resources apart.
 */
export function planPurge(table: Table | undefined, namespace: string, body: CacheInvalidation): Purge {
  const words = readWords(body)
  const ofAnswers = namespace.startsWith(answersPrefix)
  for (const kind of ofAnswers ? (['keys'] as const) : (['urls', 'prefixes', 'groups', 'routes'] as const)) {
    const because = ofAnswers ? 'answers have no keys that anybody knows: use urls' : 'no answers are kept here'
    if (words[kind].length > 0) throw invalid(kind, because)
  }
  const read = new Reader(table, namespace)
  // A misspelt service would be a purge that did not happen; `all` is also for one that has left the catalog.
  for (const kind of ['tags', 'groups'] as const) if (ofAnswers && words[kind].length > 0) read.known(kind)
  const tags = new Set<string>()
  const scopes = new Set<string>()
  words.urls.forEach((url, at) => {
    for (const tag of read.url(url, `urls[${at}]`)) tags.add(tag)
  })
  for (const tag of words.tags) tags.add(declaredTag(byteText(tag)))
  for (const group of words.groups) tags.add(groupTag(undefined, byteText(group)))
  words.prefixes.forEach((prefix, at) => {
    scopes.add(read.prefix(prefix, `prefixes[${at}]`))
  })
  words.routes.forEach((route, at) => {
    scopes.add(read.route(route, `routes[${at}]`))
  })
  const { all, soft } = body
  return {
    namespace,
    all: all === true,
    tags: [...tags],
    scopes: [...scopes],
    keys: [...new Set(words.keys)],
    ...(soft === undefined ? {} : { softMs: soft * 1_000 }),
    words: countsOf(words),
  }
}

/**
 * Resolves when all of it is durable at this site. One operation a name, whatever number of items has it. Throws
 * `cache-invalidation-not-durable` when some of it may not be: doing all of it again, by any process, is right and harmless.
 */
export async function applyPurge(
  store: Pick<CacheStore, 'bump' | 'delete' | 'invalidate'>,
  purge: Omit<Purge, 'words'>,
  stamp: Stamp,
  keyed: KeyedDeletes = hardDeletes(store, stamp),
): Promise<void> {
  const { namespace, all, tags, scopes, keys, softMs } = purge
  const options = softMs === undefined ? { stamp } : { stamp, softMs }
  const acts: Act[] = []
  // What is invalidated whole needs no word of its parts.
  if (all) acts.push(() => store.bump(namespace, options))
  else {
    for (const tag of tags) acts.push(() => store.invalidate(namespace, 'tag', tag, options))
    for (const scope of scopes) acts.push(() => store.invalidate(namespace, 'scope', scope, options))
    for (const key of keys) {
      const remove = () => keyed.delete(namespace, key)
      acts.push(softMs === undefined ? remove : () => keyed.softDelete(namespace, key, { forMs: softMs }))
    }
  }
  let left = acts
  // A zone that was late once is mostly there the next time; what it has done already it only does again.
  for (const pauseMs of pausesMs) {
    if (left.length === 0) return
    if (pauseMs > 0) await pause(pauseMs)
    left = await actAll(left)
  }
  if (left.length > 0) throw problems['cache-invalidation-not-durable']()
}

/** How single keys are removed, where more is known of them than their names: softly, or whatever clock they are from. */
export interface KeyedDeletes {
  delete(namespace: string, key: string): Promise<string>
  softDelete(namespace: string, key: string, options: { readonly forMs: number }): Promise<string>
}

/** By the stamp of the whole, so that what is sent again is the same delete. Gone instead of stale is never wrong. */
function hardDeletes(store: Pick<CacheStore, 'delete'>, stamp: Stamp): KeyedDeletes {
  const remove = (namespace: string, key: string) => store.delete(namespace, key, { stamp })
  return { delete: remove, softDelete: remove }
}

/** Those that failed. */
async function actAll(acts: readonly Act[]): Promise<Act[]> {
  const failed: Act[] = []
  for (let from = 0; from < acts.length; from += atOnce) {
    const some = acts.slice(from, from + atOnce)
    const outcomes = await Promise.all(some.map((act) => act()))
    failed.push(...some.filter((_, at) => outcomes[at] === 'failed'))
  }
  return failed
}

/** Words that need the table. */
class Reader {
  readonly #table: Table | undefined
  readonly #routes: CachedRoutes | undefined
  readonly #namespace: string

  constructor(table: Table | undefined, namespace: string) {
    this.#table = table
    this.#routes = table && CachedRoutes.of(table)
    this.#namespace = namespace
  }

  /** Under the rules of all routes of the service that may have answered a GET of it; none has: under all of its rules. */
  url(url: string, field: string): readonly string[] {
    const routes = this.known(field)
    const { host, path } = partsOf(this.#table, url) ?? {}
    if (host === undefined || path === undefined) throw invalid(field, 'it must be an absolute http or https URL')
    const matching = routes.matching(host, path)
    const own = matching.filter(({ service }) => service === routes.serviceOf(this.#namespace))
    if (own.length === 0 && matching.length > 0)
      throw invalid(field, `no answer to a GET of it is kept in ${this.#namespace}`)
    const rules = own.length > 0 ? own : routes.ofNamespace(this.#namespace)
    return uriTags(this.#table, encoded(url), rules) ?? []
  }

  prefix(prefix: string, field: string): string {
    const routes = this.known(field)
    const parts = partsOf(this.#table, /^https?:/i.test(prefix) ? prefix : `http://${prefix}`)
    const segments = parts?.path.split('/').slice(1) ?? []
    // A slash at its end is a boundary, not a segment.
    if (segments.at(-1) === '') segments.pop()
    const below = parts === undefined ? [] : routes.below(this.#namespace, parts.host, segments)
    // The least of them: what one route keeps no scope of would be left out in silence.
    const depth = Math.min(...below.map(({ policy }) => policy.cache?.prefixDepth ?? defaultPrefixDepth))
    const read = prefixScope(this.#table, encoded(prefix), depth === Number.POSITIVE_INFINITY ? 8 : depth)
    if (read === 'malformed') throw invalid(field, 'it must be HOST/SEGMENT/SEGMENT, without a query')
    if (read === 'too-deep') throw problems['cache-prefix-too-deep']({ field, segments: segments.length, depth })
    return read.scope
  }

  route(id: string, field: string): string {
    const routes = this.known(field)
    const found = this.#table?.index.routes.get(id)
    if (found === undefined || found.service !== routes.serviceOf(this.#namespace))
      throw invalid(field, 'the service has no route of this id')
    return routeScope(id)
  }

  /** Throws where the namespace is that of no service. */
  known(field: string): CachedRoutes {
    if (this.#routes === undefined) throw problems['table-missing']({ retryAfterS: 1 })
    if (this.#routes.serviceOf(this.#namespace) !== undefined) return this.#routes
    throw invalid(field, `no service of the catalog has its answers in ${this.#namespace}`)
  }
}

function partsOf(table: Table | undefined, url: string): { readonly host: string; readonly path: string } | undefined {
  const [, authority = '', rest = ''] = /^https?:\/\/([^/?#@\s]+)((?:[/?][^#\s]*)?)(?:#.*)?$/i.exec(encoded(url)) ?? []
  if (authority === '') return undefined
  const { key } = canonicalTarget(rest.startsWith('/') ? rest : `/${rest}`)
  return { host: resourceHost(table, authority), path: key }
}

/** As a client sends it: people write URLs with letters that no request has. RFC 3987 section 3.1. */
const encoded = (url: string): string => url.replace(/[^\0-\x7f]+/g, (text) => encodeURI(text.toWellFormed()))

type Words = Readonly<Record<WordKind, readonly string[]>>

/** The shape, read strictly: a misspelt key would be an invalidation that did not happen. */
function readWords(body: CacheInvalidation): Words {
  const known: ReadonlySet<string> = new Set([...wordKinds, 'all', 'soft', 'reason'])
  for (const name of Object.keys(body)) if (!known.has(name)) throw invalid(name, 'there is no such word')
  const words = Object.fromEntries(wordKinds.map((kind) => [kind, textsOf(kind, body[kind])])) as unknown as Words
  const { all, soft, reason } = body as { [Name in keyof CacheInvalidation]?: unknown }
  if (all !== undefined && typeof all !== 'boolean') throw invalid('all', 'it must be true or false')
  if (soft !== undefined && !(Number.isInteger(soft) && Number(soft) >= 1 && Number(soft) <= softLimitS))
    throw invalid('soft', `it must be 1 to ${softLimitS} seconds`)
  if (reason !== undefined && (typeof reason !== 'string' || reason.length > 1_000))
    throw invalid('reason', 'it must be a text of at most 1000 characters')
  const count = wordKinds.reduce((sum, kind) => sum + words[kind].length, 0)
  if (count > invalidationWordLimit) throw invalid('the body', `${count} words are more than ${invalidationWordLimit}`)
  if (count === 0 && all !== true) throw invalid('the body', `it names nothing: ${wordKinds.join(', ')} or all`)
  return words
}

function textsOf(kind: WordKind, value: unknown): readonly string[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw invalid(kind, 'it must be a list')
  const limit = limitBytes[kind]
  value.forEach((text: unknown, at) => {
    if (typeof text !== 'string' || text === '' || Buffer.byteLength(text) > limit)
      throw invalid(`${kind}[${at}]`, `it must be a text of 1 to ${limit} bytes`)
  })
  return value as readonly string[]
}

function countsOf(words: Words): Readonly<Record<string, number>> {
  return Object.fromEntries(wordKinds.flatMap((kind) => (words[kind].length === 0 ? [] : [[kind, words[kind].length]])))
}

const invalid = (field: string, because: string) => problems['cache-request-invalid']({ field, because })
