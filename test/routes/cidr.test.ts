import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Cidr, covers, readCidr } from '#routes/cidr.ts'

const cidr = (text: string): Cidr => {
  const read = readCidr(text)
  if (!read.ok) throw new Error(`${text} is none`)
  return read.cidr
}

describe('a network is an address and how many bits of it count', () => {
  it.each([
    ['10.0.0.0/8', 4, 0x0a00_0000n, 0x0aff_ffffn],
    ['192.168.7.9', 4, 0xc0a8_0709n, 0xc0a8_0709n],
    ['0.0.0.0/0', 4, 0n, 0xffff_ffffn],
    ['::ffff:10.0.0.0/104', 4, 0x0a00_0000n, 0x0aff_ffffn],
    ['::1', 6, 1n, 1n],
    ['2001:db8::/32', 6, 0x2001_0db8n << 96n, ((0x2001_0db8n + 1n) << 96n) - 1n],
  ])('%s', (text, family, first, last) => expect(cidr(text)).toEqual({ family, first, last }))

  it.each([
    ['10.0.0.1/8', '10.0.0.0/8'],
    ['2001:db8::1/32', '2001:db8::/32'],
    ['::1/64', '::/64'],
    ['1:0:0:2::3/112', '1::2:0:0:0:0/112'],
  ])('%s says two things; %s is meant perhaps', (text, network) => {
    expect(readCidr(text)).toEqual({ ok: false, network })
    expect(readCidr(network).ok).toBe(true)
  })

  it.each([
    '',
    '10',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1::2::3',
    '::1/129',
    '12345::',
    '::1.2.3',
    'fe80::1%eth0',
    ' 10.0.0.1',
  ])('%j is none', (text) => expect(readCidr(text)).toEqual({ ok: false }))

  it('and any text is read as the operating system reads addresses, or not at all', () => {
    const characters = fc.string({ unit: fc.constantFrom(...'0123456789abcf:.'), maxLength: 24 })
    fc.assert(
      fc.property(fc.oneof(characters, fc.ipV4(), fc.ipV6()), (text) => {
        expect(readCidr(text).ok).toBe(isIP(text) !== 0)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a network covers another', () => {
  it('when no address of that is outside, as the gateway finds addresses in it', () => {
    const network = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([address, bits]) => {
      const read = readCidr(`${address}/${bits}`)
      return read.ok ? `${address}/${bits}` : (read.network as string)
    })
    fc.assert(
      fc.property(network, fc.ipV4(), (outer, address) => {
        const [base = '', bits = ''] = outer.split('/')
        const list = new BlockList()
        list.addSubnet(base, Number(bits))

        expect(covers(cidr(outer), cidr(address))).toBe(list.check(address))
        expect(covers(cidr(outer), cidr(outer))).toBe(true)
      }),
    )
  })

  it('and never one of the other family', () => expect(covers(cidr('::/0'), cidr('10.0.0.0/8'))).toBe(false))
})
