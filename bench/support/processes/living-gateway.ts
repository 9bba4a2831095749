/** One gateway in front of one living service, for proofs of what its restarts and reloads cost. */
import { type Bed, openBed, type RunningGateway } from '../../../test/gateway/bed.ts'
import { placementSet, policy, route, service, structure } from '../../../test/support/tables.ts'
import { type LivingService, startLivingService } from './living-service.ts'

export interface LivingGateway extends AsyncDisposable {
  readonly bed: Bed
  start(
    yaml?: Record<string, unknown>,
    args?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<RunningGateway>
  /** Seals and writes table number `number`, with `routes` further routes that nobody asks for. */
  writeTable(number: number, routes: number): Promise<void>
}

export async function openLivingGateway(): Promise<LivingGateway> {
  const living: LivingService = await startLivingService()
  const bed = await openBed()
  const services = [
    service('living', { deployments: [{ site: 'onprem', url: living.url }] }),
    service('idle', { deployments: [{ site: 'onprem', url: 'http://127.0.0.1:9' }] }),
  ]
  const own = [
    route('/v1/**', { service: 'living' }),
    route('/v1/events', { service: 'living', policy: { ...policy, stream: true } }),
    route('/v1/socket', { service: 'living', policy: { ...policy, upgrade: ['websocket'] } }),
  ]
  const writeTable = async (number: number, routes: number): Promise<void> => {
    // Each table has other routes than the one before: nothing of it can be reused.
    const idle = Array.from({ length: routes }, (_, at) => route(`/idle/${number % 7}/${at}/{id}`, { service: 'idle' }))
    await bed.writeTable('table', structure([...own, ...idle], { services, number }), placementSet([], { number }))
  }
  await writeTable(1, 0)
  return {
    bed,
    writeTable,
    start: (yaml = {}, args = [], env = {}) =>
      bed.start(
        'onprem',
        // Clients, service and gateway share the cores of one machine: late is no sign of overload.
        { table: { file: 'table' }, log: { access: false }, rates: { shedAbove: '60s' }, ...yaml },
        args,
        env,
      ),
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]()
      await living[Symbol.asyncDispose]()
    },
  }
}
