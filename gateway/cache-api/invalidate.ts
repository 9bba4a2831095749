import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CacheInvalidated, CacheInvalidation } from '#routes/gateway-answers.ts'
import type { Table } from '#routes/table.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Histogram } from '#server-kit/metrics.ts'
import { applyPurge, planPurge } from '../cache/purge.ts'
import { problems } from '../errors.ts'
import type { CacheStore } from '../store/cache-store.ts'
import { isNamespace } from '../store/node-key.ts'
import type { StampClock } from '../store/stamp.ts'
import { cachePrefix } from './cache-request.ts'

export interface InvalidateRouteOptions {
  readonly site: Site
  /** The outermost store: what is invalidated here is invalidated at the other sites. */
  readonly store: CacheStore
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

/** A thousand words of ordinary length. */
const bodyLimitBytes = 1024 * 1024

/**
 * Fastify plugin: `POST /cache/v1/{namespace}:invalidate`, answered when it is durable here. It stands on the internal
 * listener alone: nothing that a client of the public one sends is a purge (U4).
 */
export async function invalidateRoute(app: FastifyInstance, options: InvalidateRouteOptions): Promise<void> {
  const { site, store, stamps, table, settled, admit, seconds, clock, log } = options

  // The bytes that came: a signature covers them.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: bodyLimitBytes }, (_, body: Buffer, done) => {
    done(null, body)
  })

  app.post<{ Body: Buffer | undefined }>(`${cachePrefix}*`, async (request): Promise<CacheInvalidated> => {
    const startedMs = clock.monotonic()
    const namespace = namespaceOf(request.raw.url ?? '')
    const by = await admit(request, namespace)
    const words = bodyOf(request.body)
    const purge = planPurge(table(), namespace, words)
    const stamp = stamps.next()
    await applyPurge(store, purge, stamp)
    seconds.observe({ mode: purge.softMs === undefined ? 'hard' : 'soft' }, (clock.monotonic() - startedMs) / 1_000)
    const { reason = '', soft, all = false } = words
    log.info(
      { by, namespace, words: purge.words, all, soft, reason, stamp: String(stamp) },
      'the cache was invalidated',
    )
    const others = Object.entries(await settled())
    return {
      stamp: String(stamp),
      words: purge.words,
      sites: Object.fromEntries([
        [site, 'applied'],
        ...others.map(([name, done]) => [name, done ? 'applied' : 'journaled'] as const),
      ]),
    }
  })
}

/** The last `:` of the path starts the verb. */
function namespaceOf(target: string): string {
  const path = target.split('?', 1)[0] ?? ''
  const colon = path.lastIndexOf(':')
  const verb = colon < 0 ? '' : path.slice(colon + 1)
  if (verb !== 'invalidate') throw invalid('the verb', 'POST takes {namespace}:invalidate')
  const namespace = path.slice(cachePrefix.length, colon)
  if (!isNamespace(namespace)) throw invalid('the namespace', 'it must be 1 to 32 characters of a-z, 0-9 and -')
  return namespace
}

function bodyOf(bytes: Buffer | undefined): CacheInvalidation {
  try {
    const value: unknown = JSON.parse((bytes ?? Buffer.alloc(0)).toString())
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Answered below, with what would have been right.
  }
  throw invalid('the body', 'it must be a JSON object')
}

const invalid = (field: string, because: string) => problems['cache-request-invalid']({ field, because })
