import { BlockList, isIP } from 'node:net'
import { plainAddress } from '../network.ts'

/** Whether an address is that of a proxy whose X-Forwarded-For is believed. */
export type TrustedProxies = (address: string) => boolean

/** From CIDRs such as `10.0.0.0/8`; an address alone is that one address. */
export function trustedProxies(cidrs: readonly string[]): TrustedProxies {
  if (cidrs.length === 0) return () => false
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family)
  }
  return (address) => list.check(plainAddress(address), isIP(plainAddress(address)) === 6 ? 'ipv6' : 'ipv4')
}
