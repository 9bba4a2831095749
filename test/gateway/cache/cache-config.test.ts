import { describe, expect, it } from 'vitest'
import { cacheContradictions } from '../../../gateway/cache/cache-config.ts'

type CacheYaml = Parameters<typeof cacheContradictions>[0]

const yaml = (more: Partial<CacheYaml>): CacheYaml => ({
  zones: [],
  writeAck: 'quorum',
  doubleWrite: { to: [] },
  clients: [],
  readDeadline: '50ms',
  responses: true,
  targeted: [],
  memory: { on: false, limit: '64MiB', alone: false },
  events: {},
  ...more,
})
const memory = { on: true, limit: '64MiB', alone: false }

describe('the configuration of the cache', () => {
  it('is refused where a memory in front of the zones would learn of no invalidation', () => {
    expect(cacheContradictions(yaml({ memory }))).toEqual([
      'cache.memory needs cache.events.redis, or cache.memory.alone where no other process serves this site',
    ])
    expect(cacheContradictions(yaml({ memory, events: { redis: 'redis://127.0.0.1:6379' } }))).toEqual([])
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
    }
    expect(cacheContradictions(yaml({ zones: [zone] }))).toEqual(['cache.zones near names no nodes'])
    expect(cacheContradictions(yaml({ zones: [{ ...zone, driver: 'memory' as const }] }))).toEqual([])
  })
})
