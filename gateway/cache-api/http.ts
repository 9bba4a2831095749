import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem, problemMediaType } from '#routes/problem.ts'
import type { Clock } from '#server-kit/clock.ts'
import { problemReply } from '#server-kit/problem-reply.ts'
import { problems } from '../errors.ts'
import {
  type CacheStore,
  type Hit,
  isKnowledge,
  noExpiry,
  type PutOutcome,
  valueLimitBytes,
} from '../store/cache-store.ts'
import { type StampClock, stampMs } from '../store/stamp.ts'
import {
  type CacheTarget,
  cachePrefix,
  readContentType,
  readFlags,
  readPrecondition,
  readTarget,
  readTtlMs,
} from './cache-request.ts'
import { type AuthenticateCacheClient, type CacheVerb, mayUse } from './namespace-access.ts'

export interface CacheRoutesOptions {
  /** The outermost store: what is written here reaches the other sites. */
  readonly store: CacheStore
  readonly stamps: StampClock
  readonly clock: Clock
  readonly authenticate: AuthenticateCacheClient
  /** For a read over all zones, ms; default 50. */
  readonly readDeadlineMs?: number
}

/**
 * Fastify plugin: `GET|HEAD|PUT|DELETE /cache/v1/{namespace}/{key}` for programs that keep values here. A read never
 * fails: what cannot be read is a 404 with its reason. Needs `installProblemReplies` on its app.
 */
export async function cacheRoutes(app: FastifyInstance, options: CacheRoutesOptions): Promise<void> {
  const { store, stamps, clock, authenticate } = options
  const deadlineMs = options.readDeadlineMs ?? 50

  const target = async (request: FastifyRequest, verb: CacheVerb): Promise<CacheTarget> => {
    const client = await authenticate(request)
    if (client === undefined) throw problems['cache-unauthenticated']()
    const read = readTarget(request.raw.url ?? '')
    if (!mayUse(client, verb, read.namespace)) throw problems['cache-forbidden']({ verb, namespace: read.namespace })
    return read
  }

  // Any type of body is a value; nothing is parsed.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: valueLimitBytes }, (_request, body: Buffer, done) => {
    done(null, body)
  })
  app.setErrorHandler<FastifyError>((error) => {
    // Goes on to the app's own handler.
    throw error.statusCode === 413 && !(error instanceof Problem)
      ? problems['cache-too-large']({ limit: valueLimitBytes, cause: error })
      : error
  })

  app.route({
    method: ['GET', 'HEAD'],
    url: `${cachePrefix}*`,
    handler: async (request, reply) => {
      const { namespace, key } = await target(request, 'read')
      const found = await store.get(namespace, key, { deadlineMs })
      if (found.kind === 'miss') {
        const isGone = isKnowledge(found.because) || found.because === 'tag-missing'
        const because = isGone ? 'absent' : found.because
        // Answered, not thrown: a miss is an everyday outcome, and no line in the log.
        return reply
          .code(404)
          .header('x-tidegate-cache-reason', because)
          .type(problemMediaType)
          .send(problemReply(problems['cache-miss']({ because }), request.id, 'operator'))
      }
      const known = readPrecondition(request.headers, 'if-none-match')
      tell(reply, found, clock.now())
      const unchanged = known === 'any' || (typeof known === 'object' && known.stamp === found.stamp)
      if (unchanged) return reply.code(304).send()
      return reply.type(found.contentType ?? 'application/octet-stream').send(found.value)
    },
  })

  app.put<{ Body: Buffer | undefined }>(`${cachePrefix}*`, async (request, reply) => {
    const { namespace, key } = await target(request, 'write')
    const { headers } = request
    const ttlMs = readTtlMs(headers)
    const flags = readFlags(headers)
    const contentType = readContentType(headers)
    const match = readPrecondition(headers, 'if-match')
    const noneMatch = readPrecondition(headers, 'if-none-match')
    if (match === 'nothing') throw problems['cache-precondition-failed']()
    if (noneMatch !== undefined && (noneMatch !== 'any' || match !== undefined)) {
      throw problems['cache-request-invalid']({
        field: 'if-none-match',
        because: 'on PUT it must be * and stand alone',
      })
    }
    const ifStamp = typeof match === 'object' ? match.stamp : undefined
    if (ifStamp !== undefined) stamps.see(ifStamp)
    const stamp = stamps.next()
    const conditional = match !== undefined || noneMatch !== undefined
    const wasThere = match !== undefined || (!conditional && (await isThere(store, { namespace, key }, deadlineMs)))
    const outcome = await store.put(namespace, key, request.body ?? Buffer.alloc(0), {
      stamp,
      ttlMs,
      flags,
      mode: noneMatch === 'any' ? 'add' : match === 'any' ? 'replace' : 'set',
      ...(ifStamp === undefined ? {} : { ifStamp }),
      ...(contentType === undefined ? {} : { contentType }),
    })
    if (outcome !== 'stored') throw putProblem(outcome, conditional)
    return reply
      .code(wasThere ? 204 : 201)
      .header('etag', `"${stamp}"`)
      .send()
  })

  app.delete(`${cachePrefix}*`, async (request, reply) => {
    const { namespace, key } = await target(request, 'delete')
    const match = readPrecondition(request.headers, 'if-match')
    if (match === 'nothing') throw problems['cache-precondition-failed']()
    const ifStamp = typeof match === 'object' ? match.stamp : undefined
    if (ifStamp !== undefined) stamps.see(ifStamp)
    const condition = ifStamp === undefined ? {} : { ifStamp }
    let outcome = await store.delete(namespace, key, { stamp: stamps.next(), ...condition })
    if (outcome === 'older' && ifStamp === undefined) {
      // The value came from a clock ahead of ours. Having seen it, our clock is beyond it: who asks now is later.
      const found = await store.get(namespace, key, { deadlineMs })
      if (found.kind === 'hit') stamps.see(found.stamp)
      outcome = await store.delete(namespace, key, { stamp: stamps.next() })
    }
    if (outcome === 'failed') throw problems['cache-invalidation-not-durable']()
    if (outcome === 'older') throw problems[ifStamp === undefined ? 'cache-superseded' : 'cache-precondition-failed']()
    if (outcome === 'deleted') return reply.code(204).send()
    if (match !== undefined) throw problems['cache-precondition-failed']()
    throw problems['cache-miss']({ because: 'absent' })
  })
}

/** Only to tell 201 from 204; nothing depends on it. */
async function isThere(store: CacheStore, { namespace, key }: CacheTarget, deadlineMs: number): Promise<boolean> {
  const found = await store.get(namespace, key, { deadlineMs })
  return found.kind === 'hit'
}

function tell(reply: FastifyReply, hit: Hit, now: number): void {
  reply.header('etag', `"${hit.stamp}"`)
  reply.header('age', Math.max(0, Math.floor((now - stampMs(hit.stamp)) / 1000)))
  reply.header('x-tidegate-cache-zone', hit.zone)
  reply.header('x-tidegate-cache-state', hit.soft === undefined ? 'hit' : 'stale')
  reply.header('x-tidegate-cache-flags', hit.flags)
  if (hit.ttlMs !== noExpiry) reply.header('cache-control', `max-age=${Math.floor(hit.ttlMs / 1000)}`)
}

function putProblem(outcome: Exclude<PutOutcome, 'stored'>, conditional: boolean): Problem {
  switch (outcome) {
    case 'failed':
      return problems['cache-write-unavailable']()
    case 'older':
      return problems['cache-superseded']()
    case 'exists':
    case 'absent':
      return problems[conditional ? 'cache-precondition-failed' : 'cache-superseded']()
  }
}
