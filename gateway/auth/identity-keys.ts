import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { problems } from '../errors.ts'
import type { IdentitySigner } from './identity-signer.ts'

export interface IdentityKeysOptions {
  /** Of the configuration in force; undefined = identities are plain headers. */
  readonly signer: () => IdentitySigner | undefined
  /** Throws for who may not read. */
  readonly require: (request: FastifyRequest) => Promise<void>
}

/** `GET /gateway/v1/identity/jwks.json` on the internal listener: the keys by which services verify identities. */
export function identityKeys({ signer, require }: IdentityKeysOptions): FastifyPluginAsync {
  return async (app) => {
    app.get('/gateway/v1/identity/jwks.json', async (request, reply) => {
      await require(request)
      const keys = signer()?.published
      if (keys === undefined) throw problems['identity-unsigned']()
      return reply.header('cache-control', 'max-age=60').type('application/jwk-set+json').send(JSON.stringify(keys))
    })
  }
}
