import type { Metrics } from '#server-kit/metrics.ts'
import { KeptZoneState } from './kept-zone-state.ts'
import type { SharedZoneState } from './shared-zone-state.ts'
import { FileZoneState } from './shared-zone-state-file.ts'
import { RedisZoneState, type RedisZoneStateOptions } from './shared-zone-state-redis.ts'

export interface OpenSharedZoneStateOptions extends Omit<RedisZoneStateOptions, 'url' | 'kept' | 'newLife'> {
  /** `<home>/cache-zones`: one for all processes of a home. */
  readonly folder: string
  /** Of the site; absent: there is none. */
  readonly redis: string | undefined
  /** No other process serves the site. */
  readonly alone: boolean
  readonly newId: () => string
  readonly metrics: Metrics
}

/** A Redis that is away does not keep a gateway from starting: it is uninformed until Redis answers, ms. */
const openingMs = 1_000

/** Opened at the start of the process, before anything is read. */
export async function openSharedZoneState(options: OpenSharedZoneStateOptions): Promise<SharedZoneState> {
  const { folder, place, redis, alone, newId, newStamp, see, log, metrics } = options
  const kept = await KeptZoneState.open({ folder, place, newStamp, log })
  for (const stamp of kept.floors.values()) see(stamp)
  const state = await open()
  metrics.gauge(
    'tidegate_cache_zones_informed',
    'Whether what other processes of the site owe to its zones is known here: 1, or 0 and a value counts only where all zones have it.',
    {},
    (gauge) => gauge.set({}, state.informed ? 1 : 0),
  )
  return state

  async function open(): Promise<SharedZoneState> {
    if (redis === undefined || alone) return new FileZoneState({ kept, alone, newStamp })
    const shared = new RedisZoneState({ ...options, url: redis, kept, newLife: newId })
    await shared.opened(openingMs)
    return shared
  }
}
