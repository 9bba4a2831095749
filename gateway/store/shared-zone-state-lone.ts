import type { Stamp } from './cache-store.ts'
import type { ForcedState, SharedZoneState } from './shared-zone-state.ts'
import { later } from './tag-record.ts'

/** Of a process that is alone, and of zones that end with it: there is nobody to tell, and nothing to keep. */
export class LoneZoneState implements SharedZoneState {
  readonly informed: boolean = true
  readonly #newStamp: () => Stamp
  readonly #floors = new Map<string, Stamp>()
  readonly #forbidden = new Set<string>()
  readonly #pools = new Map<string, string>()

  constructor(newStamp: () => Stamp) {
    this.#newStamp = newStamp
  }

  async owes(): Promise<boolean> {
    return true
  }

  settled(): void {}

  replayed(): void {}

  mayRead(zone: string): boolean {
    return !this.#forbidden.has(zone)
  }

  floor(zone: string): Stamp {
    return later(this.#floors.get(zone) ?? 0n, this.#floors.get('*') ?? 0n)
  }

  async raise(where: string, stamp: Stamp): Promise<boolean> {
    if (stamp > (this.#floors.get(where) ?? 0n)) this.#floors.set(where, stamp)
    return true
  }

  async pool(zone: string, nodes: string | undefined): Promise<boolean> {
    const before = this.#pools.get(zone)
    if (nodes !== undefined && before !== undefined && before !== nodes) await this.raise(zone, this.#newStamp())
    if (nodes !== undefined) this.#pools.set(zone, nodes)
    return true
  }

  async force(zone: string, state: ForcedState): Promise<void> {
    if (state === 'cold') await this.raise(zone, this.#newStamp())
    if (state === 'write-only') this.#forbidden.add(zone)
    else this.#forbidden.delete(zone)
  }

  async close(): Promise<void> {}
}
