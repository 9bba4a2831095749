import { problems } from '../errors.ts'
import type { Stamp } from './cache-store.ts'
import type { KeptZoneState } from './kept-zone-state.ts'
import type { ForcedState, SharedZoneState } from './shared-zone-state.ts'

export interface FileZoneStateOptions {
  readonly kept: KeptZoneState
  /** No other process serves the site: there is nobody to tell. Else nobody can be told, and whoever asks hears so. */
  readonly alone: boolean
  readonly newStamp: () => Stamp
}

/**
 * Without a Redis: on the disk of this process. Whoever is not alone then refuses the invalidations that a zone missed, as
 * all processes of the site do; none is answered that another does not know of, so what others owe is known: nothing.
 */
export class FileZoneState implements SharedZoneState {
  readonly informed = true
  readonly #options: FileZoneStateOptions

  constructor(options: FileZoneStateOptions) {
    this.#options = options
  }

  async owes(): Promise<boolean> {
    return this.#options.alone
  }

  settled(): void {}

  replayed(): void {}

  mayRead(zone: string): boolean {
    return this.#options.kept.forced.get(zone)?.state !== 'write-only'
  }

  floor(zone: string): Stamp {
    return this.#options.kept.floor(zone)
  }

  async raise(where: string, stamp: Stamp): Promise<boolean> {
    const { kept, alone } = this.#options
    kept.raise(where, stamp)
    return (await kept.save()) && alone
  }

  async pool(zone: string, nodes: string | undefined): Promise<boolean> {
    const { kept, alone, newStamp } = this.#options
    if (nodes === undefined) return alone
    kept.poolIs(zone, nodes, newStamp)
    return (await kept.save()) && alone
  }

  async force(zone: string, state: ForcedState): Promise<void> {
    const { kept, alone, newStamp } = this.#options
    const stamp = newStamp()
    if (state === 'cold') kept.raise(zone, stamp)
    kept.force(zone, { state: state === 'write-only' ? state : 'up', stamp })
    const because = !(await kept.save())
      ? 'the disk did not take it'
      : alone
        ? undefined
        : 'cache.events.redis is not set'
    if (because !== undefined) throw problems['cache-zone-state-unshared']({ zone, because })
  }

  async close(): Promise<void> {
    await this.#options.kept.save()
  }
}
