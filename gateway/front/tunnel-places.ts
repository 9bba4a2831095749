import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { network } from '../network.ts'
import type { Phase } from '../phase.ts'
import { wantsUpgrade } from '../upstream/upgrade.ts'

/** Who holds a tunnel, or is about to: counted from before the handshake until the last byte. */
export class TunnelPlaces {
  readonly #held = new Map<Exchange, string | undefined>()
  readonly #shares = new Map<string, number>()

  get size(): number {
    return this.#held.size
  }

  has(x: Exchange): boolean {
    return this.#held.has(x)
  }

  take(x: Exchange): void {
    this.#held.set(x, undefined)
  }

  /** How many `holder` has. */
  shares(holder: string): number {
    return this.#shares.get(holder) ?? 0
  }

  name(x: Exchange, holder: string): void {
    this.#held.set(x, holder)
    this.#shares.set(holder, this.shares(holder) + 1)
  }

  giveBack(x: Exchange): void {
    const holder = this.#held.get(x)
    this.#held.delete(x)
    if (holder === undefined) return
    const left = this.shares(holder) - 1
    if (left === 0) this.#shares.delete(holder)
    else this.#shares.set(holder, left)
  }
}

/** At most `limit` tunnels a process: beyond it 503 `overloaded`, before anybody is asked for a handshake. */
export function tunnelPlaces(places: TunnelPlaces, limit: number): Phase {
  return {
    name: 'tunnel-places',
    before(x: Exchange): undefined {
      if (!wantsUpgrade(x)) return undefined
      if (places.size >= limit) throw problems['overloaded']({ what: 'tunnels of this gateway', retryAfterS: 5 })
      places.take(x)
      return undefined
    },
    closed(x: Exchange): void {
      places.giveBack(x)
    },
  }
}

/** At most `limit` tunnels of one consumer, or of one address (IPv6: one /64) where nobody says who calls: beyond it 429. */
export function tunnelShares(places: TunnelPlaces, limit: number): Phase {
  return {
    name: 'tunnel-shares',
    before(x: Exchange): undefined {
      if (!places.has(x)) return undefined
      const holder = x.caller === undefined ? `address ${network(x.client)}` : `consumer ${x.caller.consumer}`
      if (places.shares(holder) >= limit) throw problems['rate-limited']({ limit: 'tunnels', retryAfterS: 5 })
      places.name(x, holder)
      return undefined
    },
  }
}
