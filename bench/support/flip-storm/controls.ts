/** The same storm with something wrong before the gateways, and without us. */
import { altered } from '../journey/controls.ts'
import { startCarelessBalancer } from './careless-balancer.ts'
import { type StormOptions, type StormResult, storm, type Through } from './storm.ts'
import type { StormBed } from './storm-bed.ts'

/** Nobody listens there: the edge serves by the table that it kept. */
const nowhere = 'http://127.0.0.1:9'

/** Every request goes where it went before the storm: the fence alone keeps it right. */
export function withStaleEdge(bed: StormBed, options: StormOptions): Promise<StormResult> {
  const stale = (config: Readonly<Record<string, Record<string, unknown> | undefined>>) =>
    void Object.assign(config['controlPlane'] ?? {}, { url: nowhere })
  return altered(bed.system, 'edge', 'edge', stale, () => storm(bed, options))
}

/** Neither edge nor gateways; they cannot pass on a WebSocket, so none is asked for. */
export async function carelessly(bed: StormBed, options: StormOptions): Promise<StormResult> {
  const names = new Map(bed.users.map(({ token, name }) => [`Bearer ${token}`, name]))
  await using balancer = await startCarelessBalancer(bed.services, 'onprem', (said) => names.get(said) ?? '')
  const through: Through = {
    url: balancer.url,
    change: async (at) => {
      const site = at % 2 === 0 ? 'cloud' : 'onprem'
      balancer.flip(site)
      return { name: `to ${site}`, epoch: at + 1, writes: site, reads: site }
    },
  }
  return await storm(bed, { ...options, sockets: 0 }, through)
}
