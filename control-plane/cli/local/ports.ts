/** The ports of a system on one machine: one base, fixed offsets, so that `17080` is the edge whatever the base. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { problems } from '../errors.ts'

/** The two sites of the example. */
export const sites = ['onprem', 'cloud'] as const
export type ExampleSite = (typeof sites)[number]

export const defaultBase = 17_000
/** Above every offset, so that a moved base never meets the ports of the system that took the first one. */
const step = 1_000
const lastBase = 64_000

export interface SitePorts {
  readonly public: number
  readonly internal: number
  /** Of the gateway: it speaks the Memcached protocol there. */
  readonly cache: number
  readonly services: number
  readonly redis: number
  /** One Memcached zone each. */
  readonly zones: readonly number[]
}

export interface Ports {
  readonly base: number
  readonly console: number
  readonly internal: number
  readonly edge: number
  readonly monolith: number
  readonly sites: Readonly<Record<ExampleSite, SitePorts>>
}

/** All ports of the system whose base this is. By `npm start`, onprem has one zone; in containers it has two. */
export function portsAt(base: number, onpremZones: 1 | 2 = 1): Ports {
  return {
    base,
    console: base,
    internal: base + 1,
    edge: base + 80,
    monolith: base + 151,
    sites: {
      onprem: {
        public: base + 101,
        internal: base + 102,
        cache: base + 103,
        services: base + 150,
        redis: base + 160,
        zones: [base + 170, base + 171].slice(0, onpremZones),
      },
      cloud: {
        public: base + 201,
        internal: base + 202,
        cache: base + 203,
        services: base + 250,
        redis: base + 260,
        zones: [base + 270, base + 271],
      },
    },
  }
}

export function everyPort({ console, internal, edge, monolith, sites: at }: Ports): number[] {
  const ofSite = ({ public: traffic, internal: own, cache, services, redis, zones }: SitePorts) => [
    traffic,
    own,
    cache,
    services,
    redis,
    ...zones,
  ]
  return [console, internal, edge, monolith, ...ofSite(at.onprem), ...ofSite(at.cloud)]
}

export interface Choice {
  readonly ports: Ports
  /** The first port that was taken, when the base had to move. */
  readonly taken?: number
}

/** The ports at `wanted`, or at the next base of which no port is taken. Throws `ports-taken` when there is none. */
export async function choosePorts(wanted: number, isFree: (port: number) => Promise<boolean>): Promise<Choice> {
  let taken: number | undefined
  for (let base = wanted; base <= lastBase; base += step) {
    const ports = portsAt(base)
    const inUse = await firstTaken(everyPort(ports), isFree)
    if (inUse === undefined) return taken === undefined ? { ports } : { ports, taken }
    taken ??= inUse
  }
  throw problems['ports-taken']({ wanted, port: taken ?? wanted })
}

/** The base that `TIDEGATE_PORT_BASE` asks for, if it does. */
export function wantedBase(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  const base = Number(text)
  if (!Number.isInteger(base) || base < 1024 || base > lastBase) throw problems['port-base-invalid']({ text, lastBase })
  return base
}

/** Whether a program could listen there now. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    // In use, or not for us: either way another base is to be taken.
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

async function firstTaken(ports: readonly number[], isFree: (port: number) => Promise<boolean>) {
  for (const port of ports) if (!(await isFree(port))) return port
  return undefined
}
