import { readFileSync } from 'node:fs'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import { readSecret } from '#server-kit/secret.ts'
import { hostAndPort } from '../address.ts'
import type { GatewayYaml } from '../config.ts'
import { bytes } from '../config-parts.ts'
import { problems } from '../errors.ts'
import type { Stamp, ZoneStore } from '../store/cache-store.ts'
import { MemcachedStore } from '../store/memcached-store.ts'
import { MemjsNode } from '../store/memjs-node.ts'
import { MemoryStore } from '../store/memory-store.ts'
import type { NodeAccess } from '../store/node-connection.ts'
import { RawStore } from '../store/raw-store.ts'
import type { SharedZoneState } from '../store/shared-zone-state.ts'

export type ZoneYaml = GatewayYaml['cache']['zones'][number]

export interface ZoneDependencies {
  readonly newStamp: () => Stamp
  readonly believes: (stamp: Stamp) => boolean
  readonly shared: Pick<SharedZoneState, 'floor' | 'raise'>
  /** Where a relative file of the configuration lies. */
  readonly path: (relative: string) => string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
}

/** The zones of a site, by their configuration. Throws `key-file-invalid`, or what reading a secret throws. */
export function openZones(zones: readonly ZoneYaml[], dependencies: ZoneDependencies): ZoneStore[] {
  const opened = zones.map((zone) => openZone(zone, dependencies))
  const raw = opened.filter((zone) => zone instanceof RawStore)
  if (raw.length > 0) {
    dependencies.metrics.gauge(
      'tidegate_cache_bypassed_writes',
      'Writes that the nodes of a raw zone have taken, between those of this process, of which it knows nothing.',
      { zone: raw.map(({ zone }) => zone) },
      (gauge) => {
        for (const { zone, bypassed } of raw) gauge.set({ zone }, bypassed)
      },
    )
  }
  return opened
}

function openZone(zone: ZoneYaml, dependencies: ZoneDependencies): ZoneStore {
  const { newStamp, believes, shared, clock, random, log } = dependencies
  const { name, driver, ring, mode, namespace } = zone
  if (driver === 'memory') return new MemoryStore({ zone: name, clock, limitBytes: bytes(zone.limit) })
  const node = { clock, random, log, access: readAccess(zone, dependencies) }
  const common = { ...node, zone: name, nodes: zone.nodes.map(hostAndPort), ring, newStamp }
  if (mode === 'raw' && namespace !== undefined) {
    const floor = () => shared.floor(name)
    return new RawStore({ ...common, namespace, floor, raise: (stamp) => shared.raise(name, stamp) })
  }
  if (driver === 'memcached') return new MemcachedStore({ ...common, believes })
  return new MemcachedStore({ ...common, believes, openNode: (address) => new MemjsNode(address, common) })
}

function readAccess({ name, user, passwordFrom, tls, ca }: ZoneYaml, { path, env }: ZoneDependencies): NodeAccess {
  const password = passwordFrom === undefined ? undefined : readSecret(`\${env:${passwordFrom}}`, env)
  return {
    ...(user === undefined || password === undefined ? {} : { login: { user, password } }),
    ...(tls ? { tls: ca === undefined ? {} : { ca: readAuthority(name, path(ca)) } } : {}),
  }
}

function readAuthority(zone: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const purpose = `the authority of the nodes of cache zone ${zone}`
    throw problems['key-file-invalid']({ path, purpose, because: 'it cannot be read', cause })
  }
}
