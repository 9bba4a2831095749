import { describe, expect, it } from 'vitest'
import { AnnouncedStore } from '../../../gateway/cache/announced-store.ts'
import type { CacheEvent, EventChannel } from '../../../gateway/cache/event-channel.ts'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'

function made(outcome: 'applied' | 'failed' = 'applied') {
  const order: string[] = []
  const told: CacheEvent[] = []
  const inner = {
    invalidate: async () => {
      order.push('stored')
      return outcome
    },
    bump: async () => outcome,
    delete: async () => 'deleted',
  } as unknown as CacheStore
  const channel = {
    announce: async (event: CacheEvent) => {
      order.push('told')
      told.push(event)
    },
  } as unknown as EventChannel
  return { store: new AnnouncedStore(inner, channel), order, told }
}

describe('a store whose invalidations are told', () => {
  it('Cache U5: tells them when they are durable, and not before: who hears it reads anew', async () => {
    const { store, order, told } = made()

    expect(await store.invalidate('http-orders', 'tag', 't:a', { stamp: 7n })).toBe('applied')

    expect(order).toEqual(['stored', 'told'])
    expect(told).toEqual([{ kind: 'tag', namespace: 'http-orders', name: 't:a', stamp: 7n }])
  })

  it('Cache U5: tells each kind by its name', async () => {
    const { store, told } = made()

    await store.invalidate('http-orders', 'scope', 'r:x', { stamp: 7n, softMs: 5 })
    await store.bump('http-orders', { stamp: 8n })
    await store.delete('http-orders', 'k', { stamp: 9n })

    expect(told.map(({ kind, name, stamp }) => [kind, name, stamp])).toEqual([
      ['scope', 'r:x', 7n],
      ['all', '', 8n],
      ['key', 'k', 9n],
    ])
  })

  it('tells one that failed, too: it may be in force, and to forget is never wrong', async () => {
    const { store, told } = made('failed')

    expect(await store.bump('http-orders', { stamp: 8n })).toBe('failed')
    expect(told).toHaveLength(1)
  })

  it('keeps what programs do with their own keys to itself: no process keeps those', async () => {
    const { store, told } = made()

    await store.delete('shop', 'k', { stamp: 9n })

    expect(told).toEqual([])
  })
})
