import type { AddressInfo } from 'node:net'

export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** `127.0.0.1:17101` or `[::1]:17101`, as the configuration's own check has left it. */
export function hostAndPort(address: string): HostAndPort {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}

/** A bound address as others write it. */
export function urlOf({ address, port }: AddressInfo): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`
}
