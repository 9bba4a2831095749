import { describe, expect, it } from 'vitest'
import { network } from '../../gateway/network.ts'

describe('an address', () => {
  it('of IPv4 stands for itself', () => {
    expect(network('192.0.2.7')).toBe('192.0.2.7')
  })

  it.each(['::ffff:192.0.2.7', '::FFFF:192.0.2.7', '::ffff:c000:207', '0:0:0:0:0:ffff:192.0.2.7'])(
    'of IPv4 in its IPv6 dress is that IPv4 address, not one network of them all: %s',
    (address) => {
      expect(network(address)).toBe('192.0.2.7')
    },
  )

  it.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0db8:0001:0002::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('of IPv6 stands for its /64: %s', (address, expected) => {
    expect(network(address)).toBe(expected)
  })
})
