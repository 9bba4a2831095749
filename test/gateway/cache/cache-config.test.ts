import { describe, expect, it } from 'vitest'
import { cacheContradictions } from '../../../gateway/cache/cache-config.ts'

type CacheYaml = Parameters<typeof cacheContradictions>[0]

const quiet = { stream: false, namespaces: ['*'], changes: [] }
const yaml = (more: Partial<CacheYaml>): CacheYaml => ({
  zones: [],
  writeAck: 'quorum',
  doubleWrite: { to: [], namespaces: ['*'] },
  journal: { invalidations: '1MiB', values: '1MiB' },
  warmUp: { share: 5, deadline: '50ms' },
  namespaces: {},
  ports: [],
  clients: [],
  readDeadline: '50ms',
  responses: true,
  targeted: [],
  memory: { on: false, limit: '64MiB', alone: false },
  events: quiet,
  ...more,
})
const memory = { on: true, limit: '64MiB', alone: false }

describe('the configuration of the cache', () => {
  it('is refused where a memory in front of the zones would learn of no invalidation', () => {
    expect(cacheContradictions(yaml({ memory }))).toEqual([
      'cache.memory needs cache.events.redis, or cache.memory.alone where no other process serves this site',
    ])
    expect(cacheContradictions(yaml({ memory, events: { ...quiet, redis: 'redis://127.0.0.1:6379' } }))).toEqual([])
    expect(cacheContradictions(yaml({ memory: { ...memory, alone: true } }))).toEqual([])
    expect(cacheContradictions(yaml({}))).toEqual([])
  })

  it('is refused where a zone of Memcached has no node', () => {
    const zone = {
      name: 'near',
      driver: 'memcached' as const,
      nodes: [] as string[],
      ring: 'ketama' as const,
      limit: '64MiB',
      mode: 'auto' as const,
      tls: false,
    }
    expect(cacheContradictions(yaml({ zones: [zone] }))).toEqual(['cache.zones near names no nodes'])
    expect(cacheContradictions(yaml({ zones: [{ ...zone, driver: 'memory' as const }] }))).toEqual([])
  })

  it('is refused where a raw zone shares a node: who has its keys would have the keys of every namespace there', () => {
    const zone = { driver: 'memcached' as const, ring: 'ketama' as const, limit: '64MiB', tls: false }
    const raw = {
      ...zone,
      name: 'old',
      nodes: ['127.0.0.1:1', '127.0.0.1:2'],
      mode: 'raw' as const,
      namespace: 'legacy',
    }
    const own = { ...zone, name: 'own', nodes: ['127.0.0.1:2'], mode: 'auto' as const }

    expect(cacheContradictions(yaml({ zones: [raw, own] }))).toEqual([
      'cache.zones old is raw: its node 127.0.0.1:2 cannot be one of own, too',
    ])
    expect(cacheContradictions(yaml({ zones: [raw, { ...raw, name: 'older', namespace: 'older' }] }))).toHaveLength(4)
    expect(cacheContradictions(yaml({ zones: [raw, { ...own, nodes: ['127.0.0.1:3'] }] }))).toEqual([])
    expect(cacheContradictions(yaml({ zones: [own, { ...own, name: 'same' }] }))).toEqual([])
  })

  it('is refused where a raw zone does not say whose keys it keeps, or another zone does', () => {
    const zone = {
      name: 'shared',
      driver: 'memcached' as const,
      nodes: ['127.0.0.1:11211'],
      ring: 'ketama' as const,
      limit: '64MiB',
      mode: 'raw' as const,
      tls: false,
    }
    expect(cacheContradictions(yaml({ zones: [zone] }))).toEqual([
      'cache.zones shared is raw: it needs the one namespace that it keeps',
    ])
    expect(cacheContradictions(yaml({ zones: [{ ...zone, namespace: 'legacy' }] }))).toEqual([])
    expect(cacheContradictions(yaml({ zones: [{ ...zone, mode: 'envelope', namespace: 'legacy' }] }))).toEqual([
      'cache.zones shared names a namespace, which only raw zones have',
    ])
    expect(cacheContradictions(yaml({ zones: [{ ...zone, driver: 'memory', namespace: 'legacy' }] }))).toEqual([
      'cache.zones shared is raw: nobody else can use the memory of this process',
    ])
    expect(cacheContradictions(yaml({ zones: [{ ...zone, namespace: 'legacy', user: 'shop' }] }))).toEqual([
      'cache.zones shared needs user and passwordFrom together',
    ])
    expect(cacheContradictions(yaml({ zones: [{ ...zone, namespace: 'legacy', driver: 'memjs' }] }))).toEqual([
      'cache.zones shared is raw: by memjs nobody can tell how long a value has to live; it needs the driver memcached',
    ])
    expect(cacheContradictions(yaml({ zones: [{ ...zone, namespace: 'legacy', ca: 'ca.pem' }] }))).toEqual([
      'cache.zones shared names a ca without tls',
    ])
    const binary = { ...zone, mode: 'auto' as const, driver: 'memjs' as const, tls: true }
    expect(cacheContradictions(yaml({ zones: [binary] }))).toEqual([
      'cache.zones shared has tls, which memjs does not speak',
    ])
  })

  it('is refused where a Memcached port could be reached from elsewhere by whoever comes', () => {
    const port = {
      listen: '0.0.0.0:11311',
      namespace: 'legacy',
      verbs: ['read' as const],
      flushAll: 'deny' as const,
      users: [],
      maxConnections: 10,
      idle: '10m',
      valueLimit: '1MiB',
    }
    const zone = {
      name: 'own',
      driver: 'memory' as const,
      nodes: [],
      ring: 'ketama' as const,
      mode: 'auto' as const,
      tls: false,
      limit: '64MiB',
    }
    const faults = (one: CacheYaml['ports'][number]) => cacheContradictions(yaml({ zones: [zone], ports: [one] }))
    const user = { name: 'shop', sha256: '0'.repeat(64), namespace: 'legacy', verbs: ['read' as const] }
    expect(faults(port)).toEqual([
      'cache.ports 0.0.0.0:11311 can be reached from elsewhere: it needs users, or tls with clients',
    ])
    expect(faults({ ...port, listen: '127.0.0.1:11311' })).toEqual([])
    expect(faults({ ...port, users: [user] })).toEqual([])
    const { namespace: _, ...nameless } = { ...port, listen: '127.0.0.1:11311' }
    expect(faults(nameless)).toEqual(['cache.ports 127.0.0.1:11311 names neither users nor a namespace'])
  })

  it('is refused where a Memcached port has nothing behind it, or the namespaces of the gateway itself', () => {
    const port = {
      listen: '127.0.0.1:11311',
      namespace: 'http-orders',
      verbs: [],
      flushAll: 'deny' as const,
      users: [],
      maxConnections: 10,
      idle: '10m',
      valueLimit: '1MiB',
    }
    expect(cacheContradictions(yaml({ ports: [port] }))).toEqual([
      'cache.ports needs cache.zones: there is nothing behind them',
      "cache.ports 127.0.0.1:11311: the namespace http-orders is the gateway's own",
    ])
  })

  it('is refused where events of other programs have no Redis to come by', () => {
    expect(cacheContradictions(yaml({ events: { ...quiet, stream: true } }))).toEqual([
      'cache.events.stream needs cache.events.redis',
    ])
  })

  it('is refused where a change of a row would name what no event may', () => {
    const changes = [{ source: 'products', ns: 'shop', tags: ['product:{id}'] }]

    expect(cacheContradictions(yaml({ events: { ...quiet, changes } }))).toEqual([])
    expect(cacheContradictions(yaml({ events: { ...quiet, namespaces: ['http-*'], changes } }))).toEqual([
      'cache.events.changes products names shop, which cache.events.namespaces does not cover',
    ])
  })
})
