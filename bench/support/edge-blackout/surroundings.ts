/** What stands behind the edges: a real gateway with a service at each of two sites, and a table that both run. */
import { readFile } from 'node:fs/promises'
import type { TableOffer } from '#routes/messages.ts'
import type { RingFile } from '#routes/seal.ts'
import { type Bed, openBed, type RunningGateway } from '../../../test/gateway/bed.ts'
import { freePort } from '../../../test/support/free-port.ts'
import { type RunningProcess, startScript } from '../../../test/support/process-runner.ts'
import { placement, placementSet, route, service, structure } from '../../../test/support/tables.ts'

/** `orders` and `carts` are at the cloud, and only `orders` may be asked for elsewhere; `users` is at home. */
export const units = ['orders', 'users', 'carts'] as const
export type Unit = (typeof units)[number]

export interface Surroundings extends AsyncDisposable {
  readonly bed: Bed
  readonly gateways: Readonly<Record<'onprem' | 'cloud', RunningGateway>>
  readonly rings: Readonly<Record<'gateway' | 'control', RingFile>>
  /** The table under a number: what it says of requests is always the same. */
  offer(number: number): Promise<TableOffer>
}

export async function openSurroundings(): Promise<Surroundings> {
  const bed = await openBed()
  const services = [await startService('onprem'), await startService('cloud')] as const
  const [onprem, cloud] = services
  const deployments = [
    { site: 'onprem', url: onprem.url },
    { site: 'cloud', url: cloud.url },
  ]
  const routes = units.map((unit) => route(`/v1/${unit}/**`, { service: unit }))
  // Tier 1 is never shed: on a busy machine that would be another story.
  const known = structure(routes, { services: units.map((id) => service(id, { deployments, tier: 1 })) })
  const placements = (number: number) =>
    placementSet(
      [
        placement('orders', { owner: 'cloud', failover: { to: 'onprem', safeOnly: true } }),
        placement('carts', { owner: 'cloud' }),
      ],
      { number },
    )
  await bed.writeTable('table', known, placements(1))
  const start = (site: string) => bed.start(site, { table: { file: 'table' }, log: { access: false } })
  const gateways = { onprem: await start('onprem'), cloud: await start('cloud') }
  const ring = async (purpose: string) =>
    JSON.parse(await readFile(bed.folder.file(`keys/${purpose}.json`), 'utf8')) as RingFile
  const sealed = await bed.sealer.structure(known)
  return {
    bed,
    gateways,
    rings: { gateway: await ring('edge-gateway'), control: await ring('edge-control') },
    offer: async (number) => ({ structure: sealed, placements: await bed.sealer.placements(placements(number)) }),
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]()
      await Promise.all(services.map(({ process }) => process.stop('SIGKILL')))
    },
  }
}

async function startService(name: string): Promise<{ readonly url: string; readonly process: RunningProcess }> {
  const port = await freePort()
  const process = await startScript('bench/support/outage/instance.ts', [name, String(port)], { ready: /listening/ })
  return { url: `http://127.0.0.1:${port}`, process }
}
