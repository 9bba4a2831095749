import { type CacheInvalidation, invalidationWordLimit } from '#routes/gateway-answers.ts'
import type { InvalidateBody } from '../api-client/cache-schema.ts'
import { problems } from '../errors.ts'

const kinds = ['urls', 'prefixes', 'tags', 'groups', 'routes'] as const

/** An invalidation as gateways take it. Throws `invalidation-empty`, `invalidation-too-large` or `invalidation-unclear`. */
export function wordsOf(body: InvalidateBody): CacheInvalidation {
  const { service, namespace, ...words } = body
  if ((service === undefined) === (namespace === undefined)) throw problems['invalidation-unclear']()
  const count = kinds.reduce((sum, kind) => sum + (words[kind]?.length ?? 0), 0)
  if (count === 0 && words.all !== true) throw problems['invalidation-empty']()
  if (count > invalidationWordLimit) throw problems['invalidation-too-large']({ count, limit: invalidationWordLimit })
  return words
}

/** How many words the audit keeps of each kind: a chain that is read for years is not to hold a thousand URLs an entry. */
const toldWords = 10

/** What the audit tells of it: `{ mode: 'soft 60s', urls: { count: 1000, first: [...] } }`. */
export function auditedWords(words: CacheInvalidation): Readonly<Record<string, unknown>> {
  const told: Record<string, unknown> = { mode: modeOf(words) }
  if (words.all === true) told['all'] = true
  for (const kind of kinds) {
    const of = words[kind] ?? []
    if (of.length > 0) told[kind] = { count: of.length, first: of.slice(0, toldWords) }
  }
  return told
}

export const modeOf = ({ soft }: Pick<CacheInvalidation, 'soft'>): string =>
  soft === undefined ? 'hard' : `soft ${soft}s`
