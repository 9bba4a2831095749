import { Resolver } from 'node:dns/promises'

export interface Resolved {
  /** Sorted, so that equal answers are equal. */
  readonly addresses: readonly string[]
  readonly ttlMs: number
}

/** PORT: asks for all addresses behind a name. Rejects when nobody answers, or the name has none. */
export type Resolve = (name: string) => Promise<Resolved>

const leastTtlMs = 1_000
/** However long an answer may be kept: a name that moves is followed within this. */
const longestTtlMs = 60_000
const timeoutMs = 2_000

/** By the system's name servers, or the one at `server` (`host:port`). IPv6 addresses come in brackets, as in URLs. */
export function resolveByDns(server: string | undefined): Resolve {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  if (server !== undefined) resolver.setServers([server])
  return async (name) => {
    const [four, six] = await Promise.allSettled([
      resolver.resolve4(name, { ttl: true }),
      resolver.resolve6(name, { ttl: true }),
    ])
    const found = [...(four.status === 'fulfilled' ? four.value : []), ...(six.status === 'fulfilled' ? six.value : [])]
    if (found.length === 0) throw four.status === 'rejected' ? four.reason : (six as PromiseRejectedResult).reason
    const ttlMs = Math.min(...found.map(({ ttl }) => ttl * 1_000))
    const addresses = new Set(found.map(({ address }) => (address.includes(':') ? `[${address}]` : address)))
    return { addresses: [...addresses].toSorted(), ttlMs: Math.min(Math.max(ttlMs, leastTtlMs), longestTtlMs) }
  }
}

/** After a failure: asked again soon, since the last answer grows old meanwhile. */
export const retryResolveMs = leastTtlMs
