/** The configuration of each program: what it is told, written anew at each start. */
import { join } from 'node:path'
import { stringify } from 'yaml'
import { writeSecretFile } from '#server-kit/secret.ts'
import { type Addresses, zoneName } from './addresses.ts'
import { sha256, type Tokens } from './demo-file.ts'
import { type ExampleSite, sites } from './ports.ts'

export interface ConfigFacts {
  readonly at: Addresses
  readonly tokens: Tokens
  /** Real servers, or inside the gateways. */
  readonly stores: { readonly redis: boolean; readonly memcached: boolean }
  /** Workerd processes of the edge. */
  readonly workers: number
  /** Folder of the built console; undefined = none. */
  readonly console: string | undefined
  /** As the files name them: relative to themselves, or absolute. */
  readonly folders: { readonly keys: string; readonly home: (program: ProgramName) => string }
}

/** A gateway goes by its site. */
export type ProgramName = 'control-plane' | 'edge' | ExampleSite

const header = '# Written by Tidegate at each start; a change here is lost. Meanings: docs/reference/configuration.md\n'

/** Mode 0600: it names hashes of tokens and paths of keys. */
export async function writeConfig(file: string, config: object): Promise<string> {
  await writeSecretFile(file, header + stringify(config, { lineWidth: 0, aliasDuplicateObjects: false }))
  return file
}

/** Each program's, by its name. */
export function configsOf(facts: ConfigFacts): Record<ProgramName, object> {
  return {
    'control-plane': controlPlaneConfig(facts),
    edge: edgeConfig(facts),
    onprem: gatewayConfig(facts, 'onprem'),
    cloud: gatewayConfig(facts, 'cloud'),
  }
}

/** The key files that a program reads; it is given no other. */
export const keysOf: Readonly<Record<ProgramName, readonly string[]>> = {
  'control-plane': ['tables.json', 'control-gateway.json', 'edge-control.json'],
  edge: ['tables.public.json', 'edge-gateway.json', 'edge-control.json'],
  onprem: ['tables.public.json', 'edge-gateway.json', 'gateway-gateway.json', 'control-gateway.json'],
  cloud: ['tables.public.json', 'edge-gateway.json', 'gateway-gateway.json', 'control-gateway.json'],
}

function controlPlaneConfig({ at, tokens, console, folders }: ConfigFacts): object {
  return {
    listen: at.controlPlane.listen,
    publicUrl: at.console,
    home: folders.home('control-plane'),
    environment: 'demo',
    keys: {
      tableSigning: join(folders.keys, 'tables.json'),
      gateways: join(folders.keys, 'control-gateway.json'),
      edges: join(folders.keys, 'edge-control.json'),
    },
    gateways: sites.map((site) => ({ site, internalUrl: at.sites[site].internal })),
    edges: [{ name: 'edge-1', url: at.edge.url }],
    ...(console === undefined ? {} : { console }),
    bootstrapTokens: [
      { name: 'local-admin', sha256: sha256(tokens.adminToken), scopes: ['admin'] },
      { name: 'ops', sha256: sha256(tokens.opsToken), scopes: ['metrics', 'read'] },
    ],
  }
}

function edgeConfig({ at, workers, folders }: ConfigFacts): object {
  return {
    name: 'edge-1',
    listen: at.edge.listen,
    workers,
    home: folders.home('edge'),
    controlPlane: { url: at.controlPlane.url },
    keys: {
      tables: join(folders.keys, 'tables.public.json'),
      gateways: join(folders.keys, 'edge-gateway.json'),
      control: join(folders.keys, 'edge-control.json'),
    },
    sites: Object.fromEntries(sites.map((site) => [site, at.sites[site].public])),
    drain: '2s',
  }
}

/** Here both sites and whatever else runs share the cores of one machine: late is no sign of trouble. */
const patience = {
  tokens: { deadline: '2s', peerDeadline: '1s' },
  cache: { readDeadline: '500ms' },
  rates: { shedAbove: '5s' },
} as const

function gatewayConfig({ at, stores, tokens, folders }: ConfigFacts, site: ExampleSite): object {
  const own = at.sites[site]
  const others = sites.filter((other) => other !== site)
  return {
    site,
    home: folders.home(site),
    listen: { public: own.listen.public, internal: own.listen.internal },
    internalUrl: own.internal,
    controlPlane: { url: at.controlPlane.url },
    keys: {
      tables: join(folders.keys, 'tables.public.json'),
      edge: join(folders.keys, 'edge-gateway.json'),
      peers: join(folders.keys, 'gateway-gateway.json'),
      control: join(folders.keys, 'control-gateway.json'),
    },
    edgeRequired: false,
    peers: Object.fromEntries(
      others.map((other) => [other, { public: at.sites[other].public, internal: at.sites[other].internal }]),
    ),
    tokens: {
      ...(stores.redis
        ? { driver: 'redis', url: `redis://${own.redis}`, key: 'token:{token}', hash: 'sha256' }
        : { driver: 'memory', file: join(folders.home(site), 'tokens.json') }),
      alsoAsk: others,
      whenAway: 'refuse',
      ...patience.tokens,
    },
    cache: {
      zones: own.zones.map((node, index) => ({
        name: zoneName(site, index),
        ...(stores.memcached ? { driver: 'memcached', nodes: [node] } : { driver: 'memory', limit: '64MiB' }),
      })),
      writeAck: 'quorum',
      ...patience.cache,
      doubleWrite: { to: others },
      ...(stores.redis ? { events: { redis: `redis://${own.redis}`, stream: true } } : {}),
      ports: [memcachedPort(own.listen.cache, tokens)],
      clients: [
        {
          name: 'monolith',
          sha256: sha256(tokens.cacheToken),
          namespaces: ['legacy'],
          verbs: ['read', 'write', 'delete'],
        },
      ],
    },
    rates: patience.rates,
    internal: {
      tokens: [{ name: 'ops', sha256: sha256(tokens.opsToken), scopes: ['metrics', 'status', 'explain', 'drain'] }],
    },
    log: { level: 'info', access: true },
    // Clients of the demo know the gateways by address: nobody has to notice, and a stop is to be short.
    drain: { notice: '0s', limit: '2s' },
  }
}

/** On loopback, as in a first try, nobody has to say who it is; in containers the monolith does, by its token. */
function memcachedPort(listen: string, { cacheToken }: Tokens): object {
  const namespace = 'legacy'
  if (listen.startsWith('127.')) return { listen, namespace, flushAll: 'namespace' }
  return { listen, flushAll: 'namespace', users: [{ name: 'monolith', sha256: sha256(cacheToken), namespace }] }
}
