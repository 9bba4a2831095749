import { isIP, isIPv6, SocketAddress } from 'node:net'

/** An IPv4 address seen through an IPv6 socket is that IPv4 address. RFC 4291 section 2.5.5.2. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}

/**
 * By what an address is limited: one of IPv4 by itself, one of IPv6 by its /64. A customer has all of that, and would by single
 * addresses never meet a limit. An IPv4 address in its IPv6 dress is that address: else all of IPv4 would share one limit.
 */
export function network(address: string): string {
  if (!isIPv6(address)) return address
  const [unzoned = ''] = address.split('%', 1)
  const plain = plainAddress(new SocketAddress({ address: unzoned, family: 'ipv6' }).address)
  if (!isIPv6(plain)) return plain
  const [head = '', tail = ''] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const zeros = new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  return [...left, ...zeros, ...right].slice(0, 4).join(':')
}
