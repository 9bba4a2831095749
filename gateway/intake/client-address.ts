import { isIP } from 'node:net'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { plainAddress, type TrustedProxies } from './trusted-proxies.ts'

/**
 * Whose request it is. A verified mark has said it already; else X-Forwarded-For counts only from a trusted proxy, read
 * from the right up to the first address that is not one: everything left of it the client may have written itself.
 */
export function clientAddress(isTrusted: TrustedProxies): Phase {
  return {
    name: 'client-address',
    before(x: Exchange): undefined {
      if (x.mark?.address !== undefined) return undefined
      x.address = plainAddress(x.peer)
      if (!isTrusted(x.address)) return undefined
      const chain = x.header('x-forwarded-for')?.split(',') ?? []
      for (const hop of chain.toReversed()) {
        const address = plainAddress(hop.trim())
        if (isIP(address) === 0) return undefined
        x.address = address
        if (!isTrusted(address)) return undefined
      }
      return undefined
    },
  }
}
