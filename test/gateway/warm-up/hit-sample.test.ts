import { describe, expect, it } from 'vitest'
import { HitSample } from '../../../gateway/warm-up/hit-sample.ts'
import { HeldClock } from '../../../server-kit/clock.ts'

describe('the sample of what is hit', () => {
  it('holds every key while they are few', () => {
    const sample = new HitSample(new HeldClock())
    for (let i = 0; i < 1_000; i++) sample.note('shop', `key-${i}`)

    expect(sample.keys('shop')).toHaveLength(1_000)
    expect(sample.namespaces()).toEqual(['shop'])
  })

  it('stays bounded and fair: early and late keys of a hundred thousand are in it in like number', () => {
    const sample = new HitSample(new HeldClock())
    for (let i = 0; i < 100_000; i++) sample.note('shop', `/v1/orders/${i}`)

    const keys = sample.keys('shop')
    expect(keys.length).toBeGreaterThan(400)
    expect(keys.length).toBeLessThanOrEqual(1_000)
    const early = keys.filter((key) => Number(key.slice('/v1/orders/'.length)) < 50_000).length
    expect(early / keys.length).toBeGreaterThan(0.4)
    expect(early / keys.length).toBeLessThan(0.6)
  })

  it('forgets what was not hit for an hour, and no key that was', () => {
    const clock = new HeldClock()
    const sample = new HitSample(clock)
    sample.note('shop', 'cold')
    sample.note('shop', 'hot')
    clock.advance(40 * 60_000)
    sample.note('shop', 'hot')
    clock.advance(30 * 60_000)

    expect(sample.keys('shop')).toEqual(['hot'])
    expect(sample.keys('another')).toEqual([])
    clock.advance(60 * 60_000)
    expect(sample.namespaces()).toEqual([])
  })

  it('knows no more than 200 namespaces', () => {
    const sample = new HitSample(new HeldClock())
    for (let i = 0; i < 300; i++) sample.note(`space-${i}`, 'key')

    expect(sample.namespaces()).toHaveLength(200)
  })
})
