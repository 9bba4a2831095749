import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { problems } from '../errors.ts'

/**
 * Any type of body is bytes, and nothing is parsed; how many may come depends on the request, which one route's `bodyLimit`
 * cannot say. Beyond it the answer is `cache-too-large`, and the connection ends: what follows is not read.
 */
export function readsBytes(app: FastifyInstance, limitOf: (request: FastifyRequest) => number): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request: FastifyRequest, payload: Readable) =>
    read(request, payload, limitOf(request)),
  )
  app.addHook('onError', async (_request: FastifyRequest, reply: FastifyReply, error: Error & { status?: number }) => {
    if (error.status === 413) reply.header('connection', 'close')
  })
}

async function read(request: FastifyRequest, payload: Readable, limit: number): Promise<Buffer> {
  const tooLarge = () => problems['cache-too-large']({ limit, unit: 'bytes' })
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  // Left open when it is too much: the answer goes out on the same connection.
  for await (const chunk of payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limit) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes)
}
