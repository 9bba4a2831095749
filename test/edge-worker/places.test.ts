import { describe, expect, it } from 'vitest'
import { Places } from '../../edge-worker/places.ts'

describe('places for copies', () => {
  it('are so many a unit and no more, until one is given back', () => {
    const places = new Places()
    const first = places.take('orders', 2, 0)
    places.take('orders', 2, 0)

    expect(places.take('orders', 2, 1)).toBeUndefined()
    expect(places.take('users', 2, 1)).toBeDefined()
    first?.()
    expect(places.take('orders', 2, 2)).toBeDefined()
    expect(places.take('orders', 2, 3)).toBeUndefined()
  })

  it('come back by themselves when a copy was cancelled with its request and never told (Edge E1)', () => {
    const places = new Places()
    places.take('orders', 1, 0)

    expect(places.take('orders', 1, 10_999)).toBeUndefined()
    expect(places.take('orders', 1, 11_000)).toBeDefined()
  })

  it('are not given back twice', () => {
    const places = new Places()
    const first = places.take('orders', 1, 0)
    first?.()
    places.take('orders', 1, 1)
    first?.()

    expect(places.take('orders', 1, 2)).toBeUndefined()
  })
})
