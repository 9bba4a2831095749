import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { problems } from '../errors.ts'
import { keepBytes } from '../internal/keep-bytes.ts'
import type { GuardedExtension } from './guarded-extension.ts'

export interface ExtensionsApiOptions {
  readonly all: () => readonly GuardedExtension[]
  /** Throws for whoever may not. */
  readonly require: (request: FastifyRequest, scope: 'status' | 'operate') => Promise<void>
}

/** The switch of each extension, on the internal listener: one that misbehaves is off within a second, by its name. */
export const extensionsApi: FastifyPluginAsync<ExtensionsApiOptions> = async (app, { all, require }) => {
  const told = ({ name, place, enabled }: GuardedExtension) => ({ name, place, enabled })

  keepBytes(app)
  app.get('/gateway/v1/extensions', { preHandler: (request) => require(request, 'status') }, async () => ({
    extensions: all().map(told),
  }))
  app.post<{ Params: { name: string; turn: string } }>(
    '/gateway/v1/extensions/:name/:turn',
    { preHandler: (request) => require(request, 'operate') },
    async ({ params }) => {
      const extension = all().find(({ name }) => name === params.name)
      if (extension === undefined || !['on', 'off'].includes(params.turn))
        throw problems['internal-request-invalid']({ because: 'expected /{name of an extension}/on or /off' })
      extension.turn(params.turn === 'on')
      return told(extension)
    },
  )
}
