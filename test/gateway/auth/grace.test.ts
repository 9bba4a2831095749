import { describe, expect, it } from 'vitest'
import type { Caller } from '#routes/messages.ts'
import { Grace } from '../../../gateway/auth/grace.ts'

const shop: Caller = { consumer: 'shop', scopes: [] }

describe('the grace of tokens while their store is away', () => {
  it('is for who was verified less than so long ago', () => {
    const grace = new Grace({ graceMs: 1_000, entries: 10 })
    grace.remember('a', shop, 500)

    expect(grace.recall('a', 1_499, 0)).toBe(shop)
    expect(grace.recall('a', 1_500, 0)).toBeUndefined()
  })

  it('counts what a lost memory held from the moment at which it was last proven', () => {
    const grace = new Grace({ graceMs: 1_000, entries: 10 })
    grace.remember('a', shop, 0)
    grace.inherit(new Map([['a', { caller: shop }]]), 5_000)

    expect(grace.recall('a', 5_999, 0)).toBe(shop)
    expect(grace.recall('a', 6_000, 0)).toBeUndefined()
  })

  it('is not for who was invalidated, was found unknown, or is at their own end', () => {
    const grace = new Grace({ graceMs: 1_000, entries: 10 })
    const held = () => new Map([['b', { caller: shop }]])
    grace.remember('a', shop, 0)
    grace.inherit(held(), 0)
    grace.forget('a')
    grace.forget('b')
    expect(grace.recall('a', 1, 0)).toBeUndefined()
    expect(grace.recall('b', 1, 0)).toBeUndefined()

    grace.remember('a', shop, 0)
    grace.inherit(held(), 0)
    grace.forgetAll()
    expect(grace.recall('a', 1, 0)).toBeUndefined()
    expect(grace.recall('b', 1, 0)).toBeUndefined()

    grace.remember('a', { ...shop, expiresAt: 7 }, 0)
    expect(grace.recall('a', 1, 6)).toBeDefined()
    expect(grace.recall('a', 1, 7)).toBeUndefined()
  })

  it('is bounded', () => {
    const grace = new Grace({ graceMs: 1_000, entries: 10 })
    for (let more = 0; more < 100; more++) grace.remember(`${more}`, shop, 0)

    expect(grace.size).toBe(10)
  })
})
