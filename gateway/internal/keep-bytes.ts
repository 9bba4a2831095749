import type { FastifyInstance } from 'fastify'

/** Bodies of this part of the listener stay the bytes that came: they are what a signature covers. */
export function keepBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body: Buffer, done) => done(null, body))
}
