import { hostAndPort } from '../address.ts'
import type { GatewayYaml } from '../config.ts'
import { problems } from '../errors.ts'
import type { ZoneStore } from '../store/cache-store.ts'
import type { PoolNode } from '../store/pool.ts'
import type { SharedZoneState } from '../store/shared-zone-state.ts'

type ZoneYaml = Pick<GatewayYaml['cache']['zones'][number], 'name' | 'ring' | 'nodes'>

/** A zone whose nodes can change under way. */
interface Changeable {
  changeNodes(nodes: readonly PoolNode[]): void
}

/** The nodes of the zones, which a reload may change while everything goes on. */
export class ZoneNodes {
  readonly #stores: readonly ZoneStore[]
  readonly #shared: SharedZoneState
  readonly #now = new Map<string, string>()

  constructor(stores: readonly ZoneStore[], shared: SharedZoneState) {
    this.#stores = stores
    this.#shared = shared
  }

  /** At the start, before anything is read: nodes other than those of the last time make what is there unreadable. */
  async open(zones: readonly ZoneYaml[]): Promise<void> {
    await Promise.all(
      zones.map(async (zone) => {
        this.#now.set(zone.name, nodesOf(zone))
        // Who cannot be told now hears of it later; until then nobody reads by itself what others may have changed.
        await this.#shared.pool(zone.name, nodesOf(zone))
      }),
    )
  }

  /**
   * Asks the zones by these nodes from now on. What is under way ends where it began. The zones whose nodes changed start
   * from nothing. Rejects with `cache-zone-state-unshared`, and changes nothing, when other processes cannot be told.
   */
  async change(zones: readonly ZoneYaml[]): Promise<void> {
    const changed = zones.filter((zone) => this.#now.get(zone.name) !== nodesOf(zone))
    for (const { name } of changed) {
      if (await this.#shared.pool(name, undefined)) continue
      for (const { name: each } of changed) await this.#shared.pool(each, this.#now.get(each))
      throw problems['cache-zone-state-unshared']({
        zone: name,
        because: 'its nodes cannot change unless all processes know',
      })
    }
    for (const { name, nodes } of changed) {
      const store = this.#stores.find(({ zone }) => zone === name)
      if (store !== undefined && isChangeable(store)) store.changeNodes(nodes.map(hostAndPort))
    }
    await this.open(changed)
  }
}

const isChangeable = (store: ZoneStore): store is ZoneStore & Changeable => 'changeNodes' in store

/** Whatever decides which node keeps a key. */
const nodesOf = ({ ring, nodes }: ZoneYaml): string => `${ring} ${nodes.toSorted().join(' ')}`
