import type { FastifyInstance } from 'fastify'
import { paths } from '#routes/messages.ts'
import { problems } from '../errors.ts'
import { batchLimitBytes, batchMediaType, decodeBatch } from '../store/batch.ts'
import { applyBatch, type ReceiverOptions } from './apply-batch.ts'

/** A call as it came: what its signature covers. */
export interface ReceivedCall {
  readonly method: string
  /** Path and query, as sent. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array
}

export interface ReplicationOptions extends ReceiverOptions {
  /** Whether a peer gateway signed this call. */
  readonly verify: (call: ReceivedCall) => boolean | Promise<boolean>
}

/** Fastify plugin: takes the cache writes of other sites. Needs `installProblemReplies` on its app. */
export async function replicationRoutes(app: FastifyInstance, options: ReplicationOptions): Promise<void> {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    batchMediaType,
    { parseAs: 'buffer', bodyLimit: batchLimitBytes },
    (_request, body: Buffer, done) => {
      done(null, body)
    },
  )
  app.post<{ Body: Buffer | undefined }>(paths.replicate, async (request) => {
    const body = request.body ?? Buffer.alloc(0)
    const { method, headers } = request
    const signed = await options.verify({ method, target: request.raw.url ?? '', headers, body })
    if (!signed) throw problems['cache-unauthenticated']()
    const decoded = decodeBatch(body)
    if (decoded.kind === 'unreadable') throw problems['cache-batch-unreadable']({ because: decoded.because })
    return applyBatch(decoded.batch, options)
  })
}
