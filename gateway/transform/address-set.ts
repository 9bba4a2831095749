import { BlockList, isIP } from 'node:net'
import { problems } from '../errors.ts'

/** Whether an address is one of the CIDRs. */
export type AddressSet = (address: string) => boolean

/**
 * From `10.0.0.0/8`, `2001:db8::/32` or single addresses. An IPv4 address is the same one when it comes, or is written,
 * mapped into IPv6 (RFC 4291 section 2.5.5.2). Throws `policy-unusable` for a text that is no CIDR.
 */
export function addressSet(cidrs: readonly string[]): AddressSet {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', bits, more] = cidr.split('/')
    const family = isIP(address)
    const widest = family === 6 ? 128 : 32
    const prefix = bits === undefined ? widest : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
    if (family === 0 || more !== undefined || prefix < 0 || prefix > widest) {
      throw problems['policy-unusable']({ what: 'addresses', cidr })
    }
    list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
  }
  return (address) => {
    const zone = address.indexOf('%')
    const plain = zone < 0 ? address : address.slice(0, zone)
    const family = isIP(plain)
    return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }
}
