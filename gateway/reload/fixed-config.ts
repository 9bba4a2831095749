import type { GatewayYaml } from '../config.ts'

/**
 * The keys that a running process cannot change, because its sockets, its cache or its name are made from them. What lives
 * as long as the process is given these and no others, so that the compiler finds a key which is missing here; every other
 * key takes effect with the next reload.
 */
export function fixedOf(yaml: GatewayYaml) {
  const {
    workers,
    memoryLimit,
    site,
    instance,
    home,
    listen,
    internalUrl,
    controlPlane,
    table,
    drain,
    log,
    limits,
    cache,
    peers,
  } = yaml
  const { maxInFlight, maxConnections, connectionsPerAddress, idleTimeout, headTimeout, head, target } = limits
  const { bodyIdle, bodyWindow, bodyRate, takingTimeout } = limits
  // Users and limits of a port may change, its sockets not.
  const addresses = cache.ports.map(({ listen: at, tls }) => ({ listen: at, tls }))
  const { zones, writeAck, doubleWrite, journal, namespaces, warmUp, readDeadline, memory, events } = cache
  return {
    site,
    instance,
    home,
    workers,
    memoryLimit,
    listen,
    internalUrl,
    controlPlane,
    table,
    drain,
    log: { level: log.level },
    limits: {
      maxInFlight,
      maxConnections,
      connectionsPerAddress,
      idleTimeout,
      headTimeout,
      head,
      target,
      bodyIdle,
      bodyWindow,
      bodyRate,
      takingTimeout,
    },
    cache: {
      zones,
      writeAck,
      doubleWrite,
      journal,
      namespaces,
      warmUp,
      readDeadline,
      memory,
      events,
      ports: addresses,
    },
    // Where copies of cache writes go.
    peers: Object.fromEntries(doubleWrite.to.map((to) => [to, { internal: peers[to]?.internal ?? '' }])),
  }
}

export type FixedYaml = ReturnType<typeof fixedOf>

/** The same without what is given to a process that lives, and may change all the same: the nodes of its zones. */
export function unchangeable({ cache, ...fixed }: FixedYaml) {
  return { ...fixed, cache: { ...cache, zones: cache.zones.map(({ nodes: _, ...zone }) => zone) } }
}

/** The dotted names of the keys in which two configurations differ, of those that cannot change. */
export function changedKeys(before: unknown, after: unknown, at = ''): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  if (!isGroup(before) || !isGroup(after)) return [at]
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].flatMap((name) => changedKeys(before[name], after[name], at === '' ? name : `${at}.${name}`))
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
