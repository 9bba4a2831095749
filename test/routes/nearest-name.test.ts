import { describe, expect, it } from 'vitest'
import { nameFix, nearestName } from '#routes/nearest-name.ts'

describe('a misspelt name is answered with the nearest valid one', () => {
  it.each([
    ['time-out', 'timeout'],
    ['stale-while-revalidate', 'staleWhileRevalidate'],
    ['ordres', 'orders'],
    ['Orders', 'orders'],
    ['userz', 'users'],
    ['ttl ', 'ttl'],
  ])('%s means %s', (name, meant) => {
    expect(nearestName(name, ['timeout', 'staleWhileRevalidate', 'orders', 'users', 'ttl'])).toBe(meant)
  })

  it.each(['payments', 'x', '', 'ordering-system', 'a'.repeat(100_000)])('%.20s means none of them', (name) => {
    expect(nearestName(name, ['orders', 'users', 'a'.repeat(90_000)])).toBeUndefined()
  })

  it('the nearer of two', () => expect(nearestName('payment', ['payments', 'paymenst', 'payment-'])).toBe('payment-'))
})

describe('a name without a near one is answered with all valid ones', () => {
  it('when they are few', () =>
    expect(nameFix('moon', ['onprem', 'cloud'])).toEqual({ fix: 'valid here: onprem, cloud' }))

  it('and with what to do when they are many or none', () => {
    const many = Array.from({ length: 13 }, (_, at) => `service-${at}`)
    expect(nameFix('moon', many)).toEqual({ fix: 'choose one of the 13 that there are' })
    expect(nameFix('moon', [])).toEqual({ fix: 'take it out' })
  })
})
