import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import { silentLog } from '#server-kit/log.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { addressRules } from '../../../gateway/transform/address-rules.ts'
import { placementSet, policy, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

interface Rules {
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
}

const table = await tableOf(structure([route('/**')]), placementSet([]))
const withRules = (addresses: Rules | undefined) =>
  route('/**', { policy: addresses === undefined ? policy : { ...policy, addresses } })

function verdict(addresses: Rules | undefined, address: string | undefined, reading?: Rules): string {
  const x: Exchange = exchangeOf()
  x.decision = { ...decide(table, x), route: withRules(addresses) }
  if (reading !== undefined) x.readings = [withRules(reading)]
  x.address = address
  try {
    void addressRules(silentLog).before?.(x)
    return 'let in'
  } catch (problem) {
    return (problem as { code: string }).code
  }
}

describe('address rules', () => {
  it.each([
    ['10.1.2.3', 'let in'],
    ['::ffff:10.1.2.3', 'let in'],
    ['::ffff:0a01:0203', 'let in'],
    ['10.1.66.6', 'address-denied'],
    ['::ffff:10.1.66.6', 'address-denied'],
    ['11.0.0.1', 'address-denied'],
    ['2001:db8::7', 'let in'],
    ['2001:db9::7', 'address-denied'],
    ['not an address', 'address-denied'],
    [undefined, 'address-denied'],
  ])('with allow and deny: %s is %s', (address, expected) => {
    expect(verdict({ allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.1.66.0/24'] }, address)).toBe(expected)
  })

  it.each([
    ['192.0.2.7', 'address-denied'],
    ['192.0.2.8', 'let in'],
    ['fe80::1%eth0', 'address-denied'],
    [undefined, 'address-denied'],
  ])('with deny alone: %s is %s', (address, expected) => {
    expect(verdict({ deny: ['192.0.2.7', 'fe80::/10'] }, address)).toBe(expected)
  })

  it('know an IPv4 network that was written mapped into IPv6', () => {
    expect(verdict({ deny: ['::ffff:10.0.0.0/104'] }, '10.1.1.1')).toBe('address-denied')
  })

  it('P6: hold of every route as which a service might read the path', () => {
    expect(verdict(undefined, '10.0.0.1', { allow: ['192.0.2.0/24'] })).toBe('address-denied')
    expect(verdict({ allow: [] }, '10.0.0.1')).toBe('address-denied')
  })

  it.each(['10.0.0.0/33', 'example.com', '10.0.0.0/', '10.0.0.0/8/8'])(
    'let nobody in that they cannot read: %s',
    (cidr) => {
      expect(verdict({ deny: [cidr] }, '11.0.0.1')).toBe('policy-unusable')
    },
  )

  it('say nothing where a route has none', () => {
    expect(verdict(undefined, undefined)).toBe('let in')
  })
})
