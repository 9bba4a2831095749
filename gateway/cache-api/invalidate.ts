import type { FastifyRequest } from 'fastify'
import type { CacheInvalidated, CacheInvalidation } from '#routes/gateway-answers.ts'
import type { Table } from '#routes/table.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Histogram } from '#server-kit/metrics.ts'
import { applyPurge, planPurge } from '../cache/purge.ts'
import { problems } from '../errors.ts'
import { jsonObjectIn } from '../internal/json-object.ts'
import type { CacheStore } from '../store/cache-store.ts'
import type { StampClock } from '../store/stamp.ts'
import type { ItemCommands } from './item-commands.ts'

export interface InvalidationOptions {
  readonly site: Site
  /** The outermost store: what is invalidated here is invalidated at the other sites. */
  readonly store: CacheStore
  readonly items: ItemCommands
  readonly stamps: StampClock
  readonly table: () => Table | undefined
  /** Which of the other sites have applied every invalidation by now; waits for them a moment, never for long. */
  readonly settled: () => Promise<Readonly<Record<Site, boolean>>>
  /** Who asks, in words for the log. Throws for whoever may not. */
  readonly admit: (request: FastifyRequest, namespace: string) => Promise<string>
  readonly seconds: Histogram<'mode'>
  readonly clock: Clock
  readonly log: Log
}

export const purgeModes = ['hard', 'soft'] as const
export const purgeBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** `POST /cache/v1/{namespace}:invalidate`: answered when it is durable here. */
export type Invalidate = (request: FastifyRequest, namespace: string) => Promise<CacheInvalidated>

/**
 * It stands on the internal listener alone: nothing that a client of the public one sends is a purge (U4). The request's body is
 * the bytes that came: a signature covers them.
 */
export function invalidation(options: InvalidationOptions): Invalidate {
  const { site, store, items, stamps, table, settled, admit, seconds, clock, log } = options
  return async (request, namespace) => {
    const startedMs = clock.monotonic()
    const by = await admit(request, namespace)
    const words = bodyOf(request.body)
    const purge = planPurge(table(), namespace, words)
    const stamp = stamps.next()
    await applyPurge(store, purge, stamp, items)
    seconds.observe({ mode: purge.softMs === undefined ? 'hard' : 'soft' }, (clock.monotonic() - startedMs) / 1_000)
    const { reason = '', soft, all = false } = words
    log.info(
      { by, namespace, words: purge.words, all, soft, reason, stamp: String(stamp) },
      'the cache was invalidated',
    )
    const others = Object.entries(await settled())
    return {
      stamp: String(stamp),
      keys: purge.words['keys'] ?? 0,
      tags: purge.words['tags'] ?? 0,
      words: purge.words,
      sites: Object.fromEntries([
        [site, 'applied'],
        ...others.map(([name, done]) => [name, done ? 'applied' : 'journaled'] as const),
      ]),
    }
  }
}

function bodyOf(bytes: unknown): CacheInvalidation {
  const words = jsonObjectIn(bytes)
  if (words !== undefined) return words
  throw problems['cache-request-invalid']({ field: 'the body', because: 'it must be a JSON object' })
}
