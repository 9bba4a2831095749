import type { Directives } from './directive-set.ts'
import { cacheControl } from './directives.ts'
import type { CacheRequest } from './entry.ts'
import { linesOf } from './fields.ts'

/** What a request says of the answers that it takes, seconds. RFC 9111 section 5.2.1. */
export interface RequestDirectives {
  /** Its answer is not stored, and it waits for nobody else's. */
  readonly noStore: boolean
  /** The service's own word, whatever is stored. */
  readonly validate: boolean
  /** Infinity: any age. */
  readonly maxAgeS: number
  /** How long it must stay fresh; 0: fresh now. */
  readonly minFreshS: number
  /** How stale it may be; -1: not at all, Infinity: any. Never against the service's prohibition. */
  readonly maxStaleS: number
  /** With `max-age` or `min-fresh` and without `max-stale`: nothing stale, though the service would permit it. */
  readonly refusesStale: boolean
  readonly onlyIfCached: boolean
  readonly staleIfErrorS: number
}

const none: RequestDirectives = {
  noStore: false,
  validate: false,
  maxAgeS: Number.POSITIVE_INFINITY,
  minFreshS: 0,
  maxStaleS: -1,
  refusesStale: false,
  onlyIfCached: false,
  staleIfErrorS: 0,
}
const notStored: RequestDirectives = { ...none, noStore: true }

/**
 * Reads them; all but `no-store` count only if the caller `directs`: else anybody could send each request on to the service.
 * Without Cache-Control and Pragma it costs one look through the names.
 */
export function readRequest(request: CacheRequest, directs: boolean): RequestDirectives {
  if (request.names.includes('cache-control')) {
    const said = cacheControl(request.headers, request.names)
    if (directs) return directed(said)
    return said.has('no-store') ? notStored : none
  }
  if (!directs || !request.names.includes('pragma')) return none
  // An old client's word, in the same grammar, and in this one case with the same meaning. RFC 9111 section 5.4.
  const pragma = cacheControl(linesOf(request, 'pragma').flatMap((line) => ['cache-control', line]))
  return pragma.has('no-cache') ? { ...none, validate: true } : none
}

function directed(said: Directives): RequestDirectives {
  const maxAgeS = secondsOr(said, 'max-age', none.maxAgeS, 0)
  const minFreshS = secondsOr(said, 'min-fresh', 0, 0)
  const any = said.get('max-stale') === true && !said.invalid('max-stale')
  const maxStaleS = any ? Number.POSITIVE_INFINITY : secondsOr(said, 'max-stale', -1, -1)
  return {
    noStore: said.has('no-store'),
    // `max-age=0` is how browsers reload: what was fetched this very moment would not do either.
    validate: said.has('no-cache') || maxAgeS === 0,
    maxAgeS,
    minFreshS,
    maxStaleS,
    refusesStale: (maxAgeS < none.maxAgeS || minFreshS > 0) && maxStaleS < 0,
    onlyIfCached: said.has('only-if-cached'),
    staleIfErrorS: secondsOr(said, 'stale-if-error', 0, 0),
  }
}

function secondsOr(said: Directives, name: string, absent: number, invalid: number): number {
  const seconds = said.seconds(name)
  if (seconds === undefined) return absent
  return seconds === 'invalid' ? invalid : seconds
}
