import type { GatewayYaml } from '../config.ts'
import { problems } from '../errors.ts'

const most = 64

/** How many processes: as asked on the command line, else as configured. Throws `gateway-config-contradictory`. */
export function workerCount(
  asked: string | undefined,
  { workers, cache }: Pick<GatewayYaml, 'workers' | 'cache'>,
  file: string,
): number {
  const count = asked === undefined ? workers : Number(asked)
  const refuse = (faults: string) => problems['gateway-config-contradictory']({ file, faults })
  if (!Number.isInteger(count) || count < 1 || count > most)
    throw refuse(`--workers ${asked}: expected a number from 1 to ${most}`)
  const own = cache.zones.find(({ driver }) => driver === 'memory')
  // Each process has a memory of its own: a delete that reached one of them would leave the old value in the others.
  if (count > 1 && own !== undefined)
    throw refuse(`cache.zones ${own.name}: the driver memory is for one process, and ${count} workers are asked for`)
  if (count > 1 && cache.memory.on && cache.memory.alone)
    throw refuse(`cache.memory.alone is not so: ${count} workers are asked for; name cache.events.redis instead`)
  return count
}
