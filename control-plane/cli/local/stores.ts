/** Which stores a system on this machine runs on: real servers where they are installed, else those inside the gateway. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { zoneName } from './addresses.ts'
import { type Ports, sites } from './ports.ts'
import type { ProgramSpec } from './program.ts'

/** Paths of the installed servers; undefined = the gateway keeps it in memory. */
export interface Stores {
  readonly redis: string | undefined
  readonly memcached: string | undefined
}

export const embedded: Stores = { redis: undefined, memcached: undefined }

/** Looks along `path`, as a shell does. */
export async function installedStores(path: string): Promise<Stores> {
  const [redis, memcached] = await Promise.all([findProgram('redis-server', path), findProgram('memcached', path)])
  return { redis, memcached }
}

/** One line for people. */
export function describeStores({ redis, memcached }: Stores): string {
  const tokens = redis === undefined ? 'in memory (redis-server is not installed)' : 'redis-server, one a site'
  const cache =
    memcached === undefined ? 'in memory (memcached is not installed)' : 'memcached, one zone onprem, two in the cloud'
  return `tokens: ${tokens}; cache: ${cache}`
}

/** What is to be run for these stores. */
export function storePrograms(stores: Stores, ports: Ports, home: string, user: number | undefined): ProgramSpec[] {
  return sites.flatMap((site) => {
    const at = ports.sites[site]
    const folder = join(home, site, 'redis')
    const specs: ProgramSpec[] = []
    if (stores.redis !== undefined) {
      specs.push({
        name: `redis-${site}`,
        command: stores.redis,
        // Issued tokens outlive a restart: every write is in the append-only file within a second.
        args: [...words(`--port ${at.redis} --bind 127.0.0.1 --appendonly yes`), '--save', '', '--dir', folder],
        folder,
        ready: { port: at.redis },
      })
    }
    if (stores.memcached !== undefined) {
      // Memcached refuses to run as root unless it is told to.
      const asRoot = user === 0 ? ['-u', 'root'] : []
      for (const [index, port] of at.zones.entries()) {
        specs.push({
          name: `memcached-${zoneName(site, index)}`,
          command: stores.memcached,
          args: [...words(`-p ${port} -U 0 -l 127.0.0.1 -m 64`), ...asRoot],
          ready: { port },
        })
      }
    }
    return specs
  })
}

const words = (line: string): string[] => line.split(' ')

async function findProgram(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter((folder) => folder !== '')) {
    const file = join(folder, name)
    try {
      await access(file, constants.X_OK)
      return file
    } catch {
      // Not in this folder: the next one is looked at.
    }
  }
  return undefined
}
