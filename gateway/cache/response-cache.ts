import type { CachePolicy } from '#routes/policy.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Counter } from '#server-kit/metrics.ts'
import { type Answer, type BodySink, isStream, through } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { type CacheStore, type Stamp, valueLimitBytes } from '../store/cache-store.ts'
import { cacheKey } from './cache-key.ts'
import { storableMs } from './storable.ts'
import { decodeAnswer, encodeAnswer } from './stored-answer.ts'

/** Where answers live in the store, apart from what the monolith keeps there. */
export const namespace = 'responses'

export interface ResponseCacheOptions {
  readonly store: CacheStore
  readonly newStamp: () => Stamp
  /** For reading, ms: a slow store must not be slower than the service. */
  readonly deadlineMs: number
  readonly clock: Clock
  readonly background: Background
  readonly outcomes: Counter<'outcome'>
}

export const cacheOutcomes = ['hit', 'miss', 'bypass', 'stored', 'store-failed'] as const

/** What a miss needs to be stored by: taken before the service was asked. */
interface Fetch {
  readonly key: string
  readonly stamp: Stamp
  readonly policy: CachePolicy
}

/** Answers GET and HEAD from the store where the route says how long, and stores what the service answered. */
export function responseCache(options: ResponseCacheOptions): Phase {
  const { store, newStamp, deadlineMs, clock, background, outcomes } = options
  const fetches = new WeakMap<Exchange, Fetch>()

  const look = async (x: Exchange, policy: CachePolicy): Promise<Answer | undefined> => {
    const key = cacheKey(x, policy)
    // Before the service is asked (S4): an invalidation that comes during the fetch is newer than what we fetched.
    const stamp = newStamp()
    const found = await store.get(namespace, key, { deadlineMs })
    const stored = found.kind === 'hit' ? decodeAnswer(found.value) : undefined
    if (stored !== undefined && found.kind === 'hit') {
      outcomes.inc({ outcome: 'hit' })
      const ageS = Math.max(0, Math.floor((clock.now() - stored.fetchedAtMs) / 1000))
      x.cacheStatus = `tidegate; hit; ttl=${Math.ceil(found.ttlMs / 1000)}`
      const headers = [...stored.headers, 'age', String(ageS), 'content-length', String(stored.body.length)]
      return { status: stored.status, reason: stored.reason, headers, body: stored.body }
    }
    outcomes.inc({ outcome: 'miss' })
    x.cacheStatus = 'tidegate; fwd=uri-miss'
    if (x.method === 'GET') fetches.set(x, { key, stamp, policy })
    return undefined
  }

  const keep = (fetch: Fetch, answer: Answer, ttlMs: number, body: Buffer, fetchedAtMs: number): void => {
    const value = encodeAnswer({ ...answer, headers: storedHeaders(answer.headers) }, body, fetchedAtMs)
    if (value.length > valueLimitBytes) return
    const put = async () => {
      const outcome = await store.put(namespace, fetch.key, value, { ttlMs, stamp: fetch.stamp })
      outcomes.inc({ outcome: outcome === 'stored' ? 'stored' : 'store-failed' })
    }
    background.run('store an answer', put)
  }

  return {
    name: 'response-cache',
    before(x: Exchange): undefined | Promise<Answer | undefined> {
      const policy = x.decision?.route?.policy.cache
      if (policy === undefined || (x.method !== 'GET' && x.method !== 'HEAD')) return undefined
      if (!cacheable(x)) {
        outcomes.inc({ outcome: 'bypass' })
        x.cacheStatus = 'tidegate; fwd=bypass'
        return undefined
      }
      return look(x, policy)
    },
    after(x: Exchange, answer: Answer): Answer {
      if (x.cacheStatus !== undefined && answer.problem === undefined)
        answer.headers.push('cache-status', x.cacheStatus)
      const fetch = fetches.get(x)
      if (fetch === undefined || !isStream(answer.body)) return answer
      const ttlMs = storableMs(answer, {
        policy: fetch.policy,
        // A cookie is a credential to whoever set it, and nothing here can tell which one is.
        authenticated: x.caller !== undefined || x.names.includes('authorization') || x.names.includes('cookie'),
        consumer: x.caller?.consumer,
      })
      if (ttlMs <= 0) return answer
      const fetchedAtMs = clock.now()
      const stored = { ...answer, headers: [...answer.headers] }
      const body = through(
        answer.body,
        (sink) => new Collector(sink, (whole) => keep(fetch, stored, ttlMs, whole, fetchedAtMs)),
      )
      return { ...answer, body }
    },
  }
}

/** A part of an answer, a body that matters, or a path that may be read as another one (P6): never from the store. */
function cacheable(x: Exchange): boolean {
  return !x.body.present && x.decision?.target.unsafe === 0 && x.readings.length === 0 && !x.names.includes('range')
}

/** What is computed for each answer anew is not stored with it. */
function storedHeaders(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase()
    if (name !== 'cache-status' && name !== 'age' && name !== 'content-length')
      kept.push(headers[at] as string, headers[at + 1] as string)
  }
  return kept
}

/** Passes the body on and keeps a copy; gives it up beyond what a store takes, and forgets it if the body breaks off. */
class Collector implements BodySink {
  readonly #sink: BodySink
  readonly #whole: (body: Buffer) => void
  #chunks: Buffer[] | undefined = []
  #bytes = 0

  constructor(sink: BodySink, whole: (body: Buffer) => void) {
    this.#sink = sink
    this.#whole = whole
  }

  write(chunk: Buffer): boolean {
    this.#collect(chunk)
    return this.#sink.write(chunk)
  }

  end(last?: Buffer): void {
    if (last !== undefined) this.#collect(last)
    this.#sink.end(last)
    if (this.#chunks !== undefined) this.#whole(Buffer.concat(this.#chunks))
  }

  fail(cause: unknown): void {
    this.#chunks = undefined
    this.#sink.fail(cause)
  }

  #collect(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > valueLimitBytes) this.#chunks = undefined
    this.#chunks?.push(chunk)
  }
}
