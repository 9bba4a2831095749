import type { CacheDebt, ConfigState, GatewayStatus, TableOffer } from '#routes/messages.ts'
import type { LifecycleState } from '#server-kit/lifecycle.ts'
import type { TableHolder } from '../fence/table-holder.ts'
import type { ZoneHealth } from '../store/cache-store.ts'

export interface StatusOptions {
  readonly site: string
  /** Another one after this process was declared gone. */
  readonly instance: () => string
  readonly version: string
  readonly startedAt: number
  readonly state: () => LifecycleState
  readonly holder: TableHolder
  readonly controlPlane: () => { readonly connected: boolean; readonly since: number }
  readonly zones: () => readonly ZoneHealth[]
  readonly debt: () => CacheDebt
  /** Undefined where no file is watched. */
  readonly config: () => ConfigState | undefined
}

/** What this process runs, and what it refused; with the sealed documents for a control plane that lost its own. */
export function gatewayStatus(options: StatusOptions, documents: boolean): GatewayStatus {
  const { site, instance, version, startedAt, state, holder, controlPlane, zones, debt } = options
  const config = options.config()
  const { deletes, sets, oldestAgeMs } = debt()
  return {
    site,
    instance: instance(),
    version,
    state: state(),
    startedAt,
    held: holder.numbers,
    refusals: holder.refusals,
    controlPlane: controlPlane(),
    cache: {
      zones: zones().map((zone) => ({ name: zone.zone, state: zone.state })),
      debt: { deletes, sets, oldestAgeMs },
    },
    ...(config === undefined ? {} : { config }),
    ...(documents ? { documents: sealed(holder) } : {}),
  }
}

function sealed({ current }: TableHolder): TableOffer {
  return current === undefined ? {} : { structure: current.structure.sealed, placements: current.placements.sealed }
}
