import { describe, expect, it } from 'vitest'
import type { GatewayYaml } from '../../../gateway/config.ts'
import { workerCount } from '../../../gateway/workers/worker-count.ts'

type Zones = GatewayYaml['cache']['zones']
const yaml = (workers: number, driver: 'memory' | 'memcached' = 'memcached', alone = false) => ({
  workers,
  cache: {
    zones: [{ name: 'near', driver }] as unknown as Zones,
    memory: { on: true, alone, limit: '1MiB' },
  } as GatewayYaml['cache'],
})

describe('the number of gateway processes', () => {
  it('is what the command line says, else what is configured', () => {
    expect(workerCount(undefined, yaml(3), 'g.yaml')).toBe(3)
    expect(workerCount('2', yaml(3), 'g.yaml')).toBe(2)
  })

  it.each(['0', '65', '1.5', 'many', ''])('is never %j', (asked) => {
    expect(() => workerCount(asked, yaml(1), 'g.yaml')).toThrow('expected a number from 1 to 64')
  })

  it('is one where the cache is the memory of the process: a delete would reach one of several only', () => {
    expect(() => workerCount('2', yaml(1, 'memory'), 'g.yaml')).toThrow('cache.zones near')
    expect(workerCount('1', yaml(1, 'memory'), 'g.yaml')).toBe(1)
  })

  it('is one where a process keeps answers in its memory and nobody would tell it of invalidations', () => {
    expect(() => workerCount('2', yaml(1, 'memcached', true), 'g.yaml')).toThrow('cache.memory.alone is not so')
    expect(workerCount('1', yaml(1, 'memcached', true), 'g.yaml')).toBe(1)
  })
})
