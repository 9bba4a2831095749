import { describe, expect, it } from 'vitest'
import { type Hop, ladderFindings } from '#routes/hop-ladder.ts'

const s = 1_000
const client: Hop = { name: 'client', totalMs: 100 * s, idleMs: 60 * s }
const edge: Hop = { name: 'edge', totalMs: 90 * s, keepAliveMs: 400 * s, idleMs: 900 * s }
const gateway: Hop = {
  name: 'gateway',
  connectMs: s,
  firstByteMs: 14 * s,
  totalMs: 30 * s,
  keepAliveMs: 910 * s,
  idleMs: 4 * s,
}
const service: Hop = { name: 'service', totalMs: 20 * s, keepAliveMs: 5 * s }
const ladder = (...changed: readonly Partial<Hop>[]): Hop[] =>
  [client, edge, gateway, service].map((hop) => ({ ...hop, ...changed.find(({ name }) => name === hop.name) }))
const told = (hops: readonly Hop[]) => ladderFindings(hops).map(({ rule, kind, hop }) => `${rule} ${kind} ${hop}`)

describe('a ladder of hops', () => {
  it('in which each outlives the one before and waits longer than the one behind is right', () => {
    expect(ladderFindings(ladder())).toEqual([])
  })

  it.each([
    ['a service that closes idle connections first', { name: 'service', keepAliveMs: 4 * s }, 'L1 wrong gateway'],
    ['a gateway that closes before a CDN', { name: 'gateway', keepAliveMs: 905 * s }, 'L1 wrong edge'],
    ['a service that may take longer than is waited for', { name: 'service', totalMs: 30 * s }, 'L2 wrong gateway'],
    ['an edge that gives up before the gateway', { name: 'edge', totalMs: 29 * s }, 'L2 wrong edge'],
    ['a first byte after the whole', { name: 'gateway', firstByteMs: 31 * s }, 'L2 wrong gateway'],
    ['a connect above the first byte', { name: 'gateway', connectMs: 16 * s }, 'L2 wrong gateway'],
    ['tries that cannot fit', { name: 'gateway', tries: 2, firstByteMs: 29 * s }, 'L2 risk gateway'],
    ['a firewall that forgets first', { name: 'gateway', firewallMs: 4 * s }, 'L3 wrong gateway'],
    ['a total that nobody stated', { name: 'service', totalMs: undefined }, 'L5 unset service'],
    ['a keep-alive that nobody stated', { name: 'service', keepAliveMs: undefined }, 'L5 unset service'],
  ] as readonly (readonly [string, Partial<Hop>, string])[])('tells %s', (_, change, expected) => {
    expect(told(ladder(change))).toEqual([expected])
  })

  it('tells bodies that an outer hop does not let through', () => {
    const hops = ladder({ name: 'edge', maxBodyBytes: 10 }, { name: 'gateway', maxBodyBytes: 20 })

    expect(told(hops)).toEqual(['L4 risk edge'])
  })

  it('tells tries that multiply', () => {
    const hops = ladder({ name: 'client', tries: 2 }, { name: 'gateway', tries: 2 })

    expect(ladderFindings(hops)).toEqual([
      expect.objectContaining({
        rule: 'R',
        meaning: 'one request may reach the service 4 times (tries: client 2, gateway 2)',
      }),
    ])
  })
})
