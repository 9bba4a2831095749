import { hash, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyRequest } from 'fastify'
import { problems as kitProblems } from '#server-kit/errors.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import { installProblemReplies } from '#server-kit/problem-reply.ts'
import type { AdminToken, ListenAddress } from './config.ts'
import { problems } from './errors.ts'

export interface Readiness {
  readonly ready: boolean
  readonly state: string
  /** Ready workerd processes. */
  readonly children: number
  /** Whether a table is held. */
  readonly table: boolean
}

export interface AdminListenerSettings {
  readonly listen: ListenAddress
  /** Those in force. */
  readonly tokens: () => readonly AdminToken[]
  readonly readiness: () => Readiness
  readonly metrics: Metrics
  readonly log: Log
}

/** Health and metrics of this edge, apart from what clients reach; only `/health/live` answers without a token. */
export class AdminListener implements Part {
  readonly name = 'admin listener'
  readonly #settings: AdminListenerSettings
  readonly #app = Fastify({ bodyLimit: 1024, requestTimeout: 10_000, forceCloseConnections: true })

  constructor(settings: AdminListenerSettings) {
    this.#settings = settings
    const { readiness, metrics, log } = settings
    installProblemReplies(this.#app, { audience: 'operator', log })
    const token = (scope: AdminToken['scopes'][number]) => async (request: FastifyRequest) =>
      this.#requireToken(request, scope)
    this.#app.get('/health/live', async () => ({ live: true }))
    this.#app.get('/health/ready', { preHandler: token('status') }, async (_, reply) => {
      const told = readiness()
      return reply.code(told.ready ? 200 : 503).send(told)
    })
    this.#app.get('/metrics', { preHandler: token('metrics') }, async (_, reply) => {
      const text = await metrics.text()
      return reply.type(metrics.contentType).send(text)
    })
  }

  /** Throws `listen-refused`. */
  async start(): Promise<void> {
    const { host, port } = this.#settings.listen
    try {
      await this.#app.listen({ host, port })
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      throw kitProblems['listen-refused']({ address: `${host}:${port}`, reason: code ?? message, cause })
    }
  }

  async stop(): Promise<void> {
    await this.#app.close()
  }

  /** `host:port` that it listens on. */
  get address(): string {
    return `${this.#settings.listen.host}:${(this.#app.server.address() as AddressInfo).port}`
  }

  #requireToken(request: FastifyRequest, scope: AdminToken['scopes'][number]): void {
    const token = /^Bearer ([!-~]{1,256})$/i.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined) throw problems['edge-admin-refused']({ because: 'no bearer token' })
    const given = hash('sha256', token, 'buffer')
    const found = this.#settings.tokens().find(({ sha256 }) => timingSafeEqual(Buffer.from(sha256, 'hex'), given))
    if (found === undefined) throw problems['edge-admin-refused']({ because: 'the token is unknown' })
    if (!found.scopes.includes(scope)) throw problems['edge-admin-scope-missing']({ scope })
  }
}
