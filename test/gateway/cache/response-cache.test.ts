import { describe, expect, it } from 'vitest'
import { problems } from '../../../gateway/errors.ts'
import { openCachedService } from './cached-service.ts'

describe('a miss', () => {
  it('Cache CS1: is told with what is stored of it, and the hit after it with the time that is left', async () => {
    const service = await openCachedService()

    expect((await service.ask('/v1/a')).cache).toBe('tidegate-onprem; fwd=uri-miss; stored; ttl=60')
    service.clock.advance(20_000)
    const hit = await service.ask('/v1/a')

    expect([hit.text, hit.cache, hit.field('age')]).toEqual(['hello', 'tidegate-onprem; hit; ttl=40', '20'])
    expect(service.asked).toHaveLength(1)
  })
})
