import type { FastifyInstance, FastifyRequest } from 'fastify'
import { paths } from '#routes/messages.ts'
import type { Clock } from '#server-kit/clock.ts'
import { problems } from '../errors.ts'
import { callOf } from '../front/internal-front.ts'
import type { InternalCall } from '../internal/credentials.ts'
import { type JsonObject, jsonObjectIn } from '../internal/json-object.ts'
import { type CacheStore, type Hit, isStale, noExpiry } from '../store/cache-store.ts'
import { isNamespace } from '../store/node-key.ts'
import { encodeRecord } from '../store/operation-record.ts'
import type { HitSample } from './hit-sample.ts'

export interface PullRoutesOptions {
  /** The zones of this site: what one site asks of another is not asked of a third. */
  readonly inner: Pick<CacheStore, 'get'>
  readonly sample: HitSample
  readonly isPeer: (call: InternalCall) => Promise<boolean>
  readonly clock: Clock
  /** For one look, ms. */
  readonly deadlineMs: number
}

const bodyLimitBytes = 8 * 1024

/** Fastify plugin: a peer gateway asks for single values, and which keys are hot here. */
export async function pullRoutes(app: FastifyInstance, options: PullRoutesOptions): Promise<void> {
  const { inner, sample, isPeer, clock, deadlineMs } = options
  // The bytes that came: a signature covers them.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: bodyLimitBytes }, (_, body: Buffer, done) => {
    done(null, body)
  })

  const question = async (request: FastifyRequest): Promise<JsonObject> => {
    if (!(await isPeer(callOf(request)))) throw problems['cache-unauthenticated']()
    const said = jsonObjectIn(request.body)
    if (said !== undefined) return said
    throw problems['cache-request-invalid']({ field: 'the body', because: 'it must be a JSON object' })
  }

  app.post(paths.cachePull, async (request, reply) => {
    const said = await question(request)
    const namespace = namespaceIn(said)
    const key = typeof said['key'] === 'string' ? said['key'] : ''
    const found = await inner.get(namespace, key, { deadlineMs })
    // A stale value is of no use to another site: it would be asked about again at once.
    if (found.kind === 'miss' || isStale(found, clock.now())) return reply.code(404).send()
    return reply.type('application/octet-stream').send(recordOf(namespace, key, found, clock.now()))
  })

  app.post(paths.cacheSample, async (request) => {
    const said = await question(request)
    return said['namespace'] === undefined
      ? { namespaces: sample.namespaces() }
      : { keys: sample.keys(namespaceIn(said)) }
  })
}

function namespaceIn({ namespace }: JsonObject): string {
  if (typeof namespace === 'string' && isNamespace(namespace)) return namespace
  throw problems['cache-request-invalid']({ field: 'namespace', because: 'it must be 1 to 32 of a-z, 0-9 and -' })
}

function recordOf(namespace: string, key: string, hit: Hit, nowMs: number): Buffer {
  const { value, flags, stamp, ttlMs, expiresAtMs, contentType, contentEncoding, tags, soft } = hit
  return Buffer.concat(
    encodeRecord({
      seq: 0,
      lane: 0,
      operation: {
        kind: 'set',
        namespace,
        key,
        stamp,
        value,
        flags,
        // What is left is told rounded up to a second; a copy must not live longer than its source.
        expiresAtMs: ttlMs === noExpiry ? 0 : Math.max(1, expiresAtMs ?? Math.floor(nowMs + ttlMs - 1_000)),
        ...(contentType === undefined ? {} : { contentType }),
        ...(contentEncoding === undefined ? {} : { contentEncoding }),
        ...(tags === undefined ? {} : { tags }),
        ...(soft === undefined ? {} : { soft }),
      },
    }),
  )
}
