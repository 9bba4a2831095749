import { describe, expect, it } from 'vitest'
import { Connections } from '../../../gateway/front/connections.ts'

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

  it('of one IPv6 network count together, since one client has all of it', () => {
    const connections = new Connections(limits)
    for (let host = 1; host <= 3; host++) expect(connections.admit(`2001:db8::${host}`)).toBe(true)

    expect(connections.admit('2001:db8::4')).toBe(false)
    connections.leave('2001:db8::1')
    expect(connections.admit('2001:db8::5')).toBe(true)
  })
})
