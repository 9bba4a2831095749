import type { Random } from '#server-kit/random.ts'

/** What an answer says of its reuse, as facts: the text is made of them, so that the judge reads no text. */
export interface Directives {
  readonly public: boolean
  readonly mustRevalidate: boolean
  /** `invalid` is no permission. */
  readonly sMaxage: 'none' | 'valid' | 'invalid'
  readonly maxAgeS: number | undefined
  readonly private: boolean
  readonly noStore: boolean
  readonly noCache: boolean
  readonly proxyRevalidate: boolean
  readonly swr: boolean
}

/** How a service answers one URL, whoever asks; the body alone tells for whom it is. */
export interface AnswerSpec {
  readonly status: number
  readonly directives: Directives | undefined
  /** CDN-Cache-Control: governs alone where it is there. */
  readonly targeted: Directives | undefined
  readonly vary: readonly string[]
  readonly setCookie: boolean
  /** `version`: one for everybody, as services write that number rows; its Vary says whose an answer is. */
  readonly etag: 'own' | 'version' | undefined
  readonly expires: boolean
  readonly lengthKnown: boolean
  /** Ways to write the same. */
  readonly hand: number
}

const statuses = [200, 200, 200, 200, 200, 203, 301, 404, 410, 500, 503, 299] as const
const varies = [
  [],
  [],
  [],
  ['Accept-Language'],
  ['Authorization'],
  ['Cookie'],
  ['X-Device', 'accept-language'],
  ['*'],
] as const

export function randomAnswer(random: Random): AnswerSpec {
  const chance = (share: number) => random.next() < share
  const vary = pick(random, varies)
  const ofIdentity = vary.some((name) => name === 'Authorization' || name === 'Cookie')
  return {
    status: pick(random, statuses),
    directives: chance(0.95) ? randomDirectives(random) : undefined,
    targeted: chance(0.15) ? randomDirectives(random) : undefined,
    vary,
    setCookie: chance(0.1),
    etag: chance(0.5) ? (ofIdentity && chance(0.5) ? 'version' : 'own') : undefined,
    expires: chance(0.2),
    lengthKnown: chance(0.7),
    hand: Math.floor(random.next() * 8),
  }
}

function randomDirectives(random: Random): Directives {
  const chance = (share: number) => random.next() < share
  return {
    public: chance(0.4),
    mustRevalidate: chance(0.15),
    sMaxage: chance(0.25) ? (chance(0.7) ? 'valid' : 'invalid') : 'none',
    maxAgeS: chance(0.75) ? pick(random, [0, 2, 60, 60]) : undefined,
    private: chance(0.06),
    noStore: chance(0.04),
    noCache: chance(0.06),
    proxyRevalidate: chance(0.1),
    swr: chance(0.25),
  }
}

/** The fields of an answer, made for `name`. */
export function fieldsOf(spec: AnswerSpec, name: string, url: string, dateMs: number, length: number): string[] {
  const fields = ['Date', new Date(dateMs).toUTCString(), 'X-Made-For', name, 'Content-Type', 'text/plain']
  if (spec.directives !== undefined) fields.push(...cacheControl(spec.directives, spec.hand))
  if (spec.targeted !== undefined) fields.push('CDN-Cache-Control', dictionary(spec.targeted))
  for (const vary of spec.vary) fields.push('Vary', vary)
  if (spec.setCookie) fields.push('Set-Cookie', `seen-by=${name}`)
  if (spec.etag !== undefined) fields.push('ETag', etagOf(spec, name, url))
  if (spec.expires) fields.push('Expires', new Date(dateMs + 60_000).toUTCString())
  if (spec.lengthKnown) fields.push('Content-Length', String(length))
  return fields
}

/** Unlike that of any other identity, but where the service has one for all of a resource and tells them apart by Vary. */
export const etagOf = ({ etag }: Pick<AnswerSpec, 'etag'>, name: string, url: string): string =>
  etag === 'version' ? '"v1"' : `"${name}${url}"`

/** In the hands of many services: other cases, one line or several, quotes, names that are no directives. */
function cacheControl(said: Directives, hand: number): string[] {
  const words = wordsOf(said).map((word) => (hand % 2 === 0 ? word : word.toUpperCase()))
  // Quoted text is never a directive, and no permission.
  if (hand >= 6) words.unshift('ext="public, s-maxage=60, must-revalidate"')
  if (hand % 4 < 2) return ['Cache-Control', words.join(hand % 4 === 0 ? ', ' : ',')]
  return words.flatMap((word) => ['cache-control', word])
}

function wordsOf(said: Directives): string[] {
  const words: string[] = []
  if (said.maxAgeS !== undefined) words.push(`max-age=${said.maxAgeS}`)
  if (said.public) words.push('public')
  if (said.mustRevalidate) words.push('must-revalidate')
  if (said.sMaxage === 'valid') words.push('s-maxage=60')
  if (said.sMaxage === 'invalid') words.push('s-maxage=6.5')
  if (said.private) words.push('private')
  if (said.noStore) words.push('no-store')
  if (said.noCache) words.push('no-cache')
  if (said.proxyRevalidate) words.push('proxy-revalidate')
  if (said.swr) words.push('stale-while-revalidate=60')
  return words.length === 0 ? ['unknown-word'] : words
}

/** A structured field is read whole or not at all; ours can always be read. */
const dictionary = (said: Directives): string => wordsOf(said).join(', ')

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random.next() * from.length)] as T
}
