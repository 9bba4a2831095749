/** A whole system with the storm's service at both sites, and users whose tokens both know. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Random } from '../../../test/properties/generators/random.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { startScript } from '../../../test/support/process-runner.ts'
import { openDesk } from '../journey/journey.ts'
import { makeUsers, type User } from '../journey/users.ts'
import { type RunningSystem, startSystem } from '../start-system.ts'
import { stormService } from './storm-catalog.ts'

export interface StormBed extends AsyncDisposable {
  readonly system: RunningSystem
  readonly users: readonly User[]
  readonly services: Readonly<Record<'onprem' | 'cloud', string>>
  /** What they executed. */
  readonly files: readonly string[]
}

const sites = ['onprem', 'cloud'] as const
const script = fileURLToPath(new URL('./storm-service.ts', import.meta.url))

/** Two workerd processes at the edge: they learn of a flip at different moments. */
export async function openStormBed(seed: number, userCount: number): Promise<StormBed> {
  await using stack = new AsyncDisposableStack()
  const system = stack.use(await startSystem({ stores: 'real', workers: 2 }))
  const file = (site: string): string => join(system.home, `storm-${site}.jsonl`)
  const start = async (site: string): Promise<string> => {
    const ready = /"port":(\d+),"ready":true/
    const service = stack.use(await startScript(script, ['--site', site, '--file', file(site)], { ready }))
    return `http://127.0.0.1:${ready.exec(service.output())?.[1]}`
  }
  const services = { onprem: await start('onprem'), cloud: await start('cloud') }
  await system.client.apply({ files: [stormService(services)], mode: 'merge', reason: 'the storm' })
  const users = makeUsers(userCount, new Random(seed), 'storm')
  // At both sites, as where one is a replica of the other: to ask one another about tokens is the journey's.
  for (const site of sites) await stack.use(await openDesk(system, site)).issue(...users)
  await untilServed(system, users[0] as User)
  const all = stack.move()
  return { system, users, services, files: sites.map(file), [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** By every process: an edge or a gateway that does not know the route yet answers 404. */
async function untilServed({ demo }: RunningSystem, { token }: User): Promise<void> {
  for (const url of [demo.gateways.onprem.public, demo.gateways.cloud.public, ...Array(8).fill(demo.edge)]) {
    const headers = { authorization: `Bearer ${token}`, connection: 'close' }
    const served = async () => (await fetch(`${url}/v1/storm/items/first`, { headers })).status === 200
    await eventually(served, { deadlineMs: 20_000, what: `the storm's service behind ${url}` })
  }
}
