import { describe, expect, it } from 'vitest'
import { Connections, senderOf } from '../../../gateway/front/connections.ts'

const limits = { total: 10, perAddress: 3, isTrusted: (address: string) => address === '10.0.0.1' }

const admitted = (connections: Connections, address: string, times: number): number =>
  Array.from({ length: times }, () => connections.admit(address)).filter(Boolean).length

describe('C6: the connections of a listener', () => {
  it('of one address are limited, those of others are not touched by it', () => {
    const connections = new Connections(limits)

    expect(admitted(connections, '192.0.2.1', 5)).toBe(3)
    expect(admitted(connections, '192.0.2.2', 2)).toBe(2)
  })

  it('have their place again when they close', () => {
    const connections = new Connections(limits)
    admitted(connections, '192.0.2.1', 3)

    connections.leave('192.0.2.1')

    expect(admitted(connections, '192.0.2.1', 2)).toBe(1)
  })

  it('are limited in all, also for a trusted proxy', () => {
    const connections = new Connections(limits)

    expect(admitted(connections, '10.0.0.1', 20)).toBe(10)
    expect(connections.open).toBe(10)
  })

  it('of an edge that has shown its signature are not limited by address, until the last one is closed', () => {
    const connections = new Connections(limits)
    admitted(connections, '192.0.2.1', 1)
    connections.vouch('192.0.2.1')

    expect(admitted(connections, '192.0.2.1', 5)).toBe(5)
    for (let left = 6; left > 0; left--) connections.leave('192.0.2.1')
    expect(admitted(connections, '192.0.2.1', 5)).toBe(3)
  })
})

describe('who opens a connection', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['', ''],
  ])('from %s is %s', (address, sender) => {
    expect(senderOf(address)).toBe(sender)
  })
})
