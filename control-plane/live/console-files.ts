import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

/** Nothing but our own scripts and styles runs on our pages, and nobody frames them. */
const contentSecurityPolicy =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; img-src 'self' data:; object-src 'none'"

/** Serves the built console of the folder `root` to who has a session; its own paths all give its one page. */
export async function consoleFiles(app: FastifyInstance, root: string): Promise<void> {
  const config = { access: { kind: 'operator', action: 'console.open' } } as const
  await app.register(fastifyStatic, { root, serve: false, cacheControl: false })

  app.addHook('onSend', async (request, reply) => {
    if (request.url.startsWith('/api/')) return
    reply.header('content-security-policy', contentSecurityPolicy)
    reply.header('referrer-policy', 'no-referrer')
  })

  app.get<{ Params: { file: string } }>('/assets/:file', { config, schema: { hide: true } }, (request, reply) =>
    // Names of assets hold a digest of their content.
    reply.header('cache-control', 'private, max-age=31536000, immutable').sendFile(`assets/${request.params.file}`),
  )
  for (const path of ['/', '/:screen', '/:screen/:object']) {
    app.get(path, { config, schema: { hide: true } }, (_, reply) =>
      reply.header('cache-control', 'no-cache').sendFile('index.html'),
    )
  }
}
