import { describe, expect, it } from 'vitest'
import type { Mark } from '#routes/hop.ts'
import { clientAddress } from '../../../gateway/intake/client-address.ts'
import { trustedProxies } from '../../../gateway/intake/trusted-proxies.ts'
import { exchangeOf } from '../exchange.ts'

const phase = clientAddress(trustedProxies(['10.0.0.0/8', '2001:db8::/32', '192.0.2.7']))

describe('the scheme that a client used', () => {
  it.each([
    ['203.0.113.5', 'https', 'http'],
    ['10.1.2.3', 'https', 'https'],
    ['10.1.2.3', 'https, http', 'http'],
    ['10.1.2.3', 'javascript', 'http'],
  ] as const)('as %s says, %s, is %s', async (peer, said, scheme) => {
    const x = exchangeOf(['X-Forwarded-Proto', said], { peer })

    await phase.before?.(x)

    expect(x.scheme).toBe(scheme)
  })
})

describe('the address of a client', () => {
  it.each([
    ['is its own when it comes itself', '203.0.113.5', '6.6.6.6', '203.0.113.5'],
    ['is what a trusted proxy says', '10.1.2.3', '203.0.113.5', '203.0.113.5'],
    ['is the last one that no trusted proxy wrote', '10.1.2.3', '6.6.6.6, 203.0.113.5, 10.9.9.9', '203.0.113.5'],
    ['is the proxy itself when it says nothing usable', '10.1.2.3', 'unknown', '10.1.2.3'],
    ['is read through an IPv6 socket', '::ffff:10.1.2.3', '203.0.113.5', '203.0.113.5'],
    ['may be IPv6', '2001:db8::1', '2a00::1', '2a00::1'],
    ['is believed from a single address too', '192.0.2.7', '203.0.113.5', '203.0.113.5'],
  ])('%s', async (_, peer, forwarded, address) => {
    const x = exchangeOf(['X-Forwarded-For', forwarded], { peer })

    await phase.before?.(x)

    expect([x.client, x.address]).toEqual([address, address])
  })
})

describe('behind an edge', () => {
  it.each([
    ['is what its mark says', '203.0.113.5', '203.0.113.5', '203.0.113.5'],
    ['that does not know it is the edge, and for deciding nobody', undefined, '10.1.2.3', undefined],
  ])('the address of a client %s, whatever a field says and whoever is trusted', async (_, said, client, address) => {
    const fields = ['X-Forwarded-For', '6.6.6.6', 'Forwarded', 'for=6.6.6.6', 'CF-Connecting-IP', '6.6.6.6']
    const x = exchangeOf(fields, { peer: '10.1.2.3' })
    x.mark = { flags: [], ...(said && { address: said }) } as unknown as Mark
    x.markKind = 'edge'
    // What the phase before it has done.
    if (said !== undefined) x.client = said

    await phase.before?.(x)

    expect([x.client, x.address]).toEqual([client, address])
  })
})

describe('H5: Forwarded', () => {
  const addressOf = async (peer: string, ...fields: string[]) => {
    const x = exchangeOf(fields, { peer })
    await phase.before?.(x)
    return x.client
  }

  it.each([
    ['for=203.0.113.5', '203.0.113.5'],
    ['For="203.0.113.5:4711";proto=https', '203.0.113.5'],
    ['proto=https;for="[2a00::1]:4711"', '2a00::1'],
    ['for=6.6.6.6, for=203.0.113.5, for=10.9.9.9', '203.0.113.5'],
    ['for=_hidden', '10.1.2.3'],
    ['for=unknown', '10.1.2.3'],
    ['by=6.6.6.6', '10.1.2.3'],
    ['xfor=6.6.6.6', '10.1.2.3'],
    ['for=6.6.6.6, nonsense', '10.1.2.3'],
  ])('%s of a trusted proxy is %s', async (forwarded, address) => {
    expect(await addressOf('10.1.2.3', 'Forwarded', forwarded)).toBe(address)
  })

  it('of anybody else says nothing', async () => {
    expect(await addressOf('203.0.113.9', 'Forwarded', 'for=6.6.6.6')).toBe('203.0.113.9')
  })

  it('is not read beside X-Forwarded-For', async () => {
    const fields = ['Forwarded', 'for=6.6.6.6', 'X-Forwarded-For', '203.0.113.5']

    expect(await addressOf('10.1.2.3', ...fields)).toBe('203.0.113.5')
  })
})
