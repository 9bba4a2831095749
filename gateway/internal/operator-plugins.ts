import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Clock } from '#server-kit/clock.ts'
import { identityKeys } from '../auth/identity-keys.ts'
import { problems } from '../errors.ts'
import { extensionsApi } from '../extensions/extensions-api.ts'
import type { TableHolder } from '../fence/table-holder.ts'
import { callOf } from '../front/internal-front.ts'
import type { GatewayGeneration } from '../phases.ts'
import type { Credentials, InternalScope } from './credentials.ts'
import { probeHops } from './hops.ts'
import { operationsApi } from './operations-api.ts'

export interface OperatorPluginsOptions {
  readonly credentials: Pick<Credentials, 'requireOperator'>
  /** Of the configuration in force. */
  readonly current: () => GatewayGeneration | undefined
  readonly holder: Pick<TableHolder, 'current'>
  /** Has all processes read the configuration again. Undefined where no file is watched. */
  readonly reload: (() => Promise<boolean>) | undefined
  readonly clock: Clock
}

/** What operators look at and turn in a process, beside its cache. */
export function operatorPlugins(options: OperatorPluginsOptions): FastifyPluginAsync[] {
  const { credentials, current, holder, reload, clock } = options
  const require = (request: FastifyRequest, scope: InternalScope) => credentials.requireOperator(callOf(request), scope)
  return [
    (app) => extensionsApi(app, { all: () => current()?.extensions ?? [], require }),
    identityKeys({ signer: () => current()?.auth.signer, require: (request) => require(request, 'status') }),
    (app) =>
      operationsApi(app, {
        table: () => holder.current,
        upstreams: () => current()?.upstreams,
        recorder: () => current()?.recorder,
        hops: async (watchMs) => {
          const now = current()
          if (now === undefined) throw problems['table-missing']({ retryAfterS: 1 })
          const services = holder.current?.structure.value.services ?? []
          return probeHops(now.upstreams.deployments, services, now.config.yaml, watchMs, clock)
        },
        reload,
        require,
      }),
  ]
}
