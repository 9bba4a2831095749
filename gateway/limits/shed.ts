import type { Counter } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { isShed, type ShedLevel } from './shed-level.ts'

export interface ShedOptions {
  readonly level: () => ShedLevel
  readonly random: Random
  readonly shed: Counter<'tier'>
}

export const shedTiers = ['shadow', '2', '3'] as const

/** Refuses the least important while this process is late or full: as soon as the tier is known, so that it costs least. */
export function shed({ level, random, shed: counter }: ShedOptions): Phase {
  return {
    name: 'shed',
    before(x: Exchange): undefined {
      const now = level()
      if (now === 0) return undefined
      const route = x.decision?.route
      const tier = (route && x.table?.index.services.get(route.service)?.tier) ?? 3
      if (!isShed(now, tier, x.isCopy)) return undefined
      counter.inc({ tier: x.isCopy ? 'shadow' : String(tier) })
      throw problems['overloaded']({ what: 'this gateway', retryAfterS: 1 + Math.floor(random.next() * 3) })
    },
  }
}
