import type { Site } from '#routes/vocabulary.ts'

/** A gateway process as it registered. */
export interface GatewayEntry {
  readonly site: Site
  readonly instance: string
  readonly internalUrl: string
  readonly startedAt: number
  readonly version: string
  /** The writer part of its cache stamps: no two live processes have the same. */
  readonly writerId: number
  readonly registeredAt: number
  readonly removed?: Removal
}

/** A process that left by itself or by an operator does not come back under its id; one that was only silent may. */
export interface Removal {
  readonly at: number
  readonly by: 'itself' | 'operator' | 'silence'
}

/** PORT: the members, so that a control plane that starts knows whom to ask and to wait for. */
export interface GatewayStore {
  /** Sorted by site and instance; those that left too. */
  all(): Promise<readonly GatewayEntry[]>
  save(entry: GatewayEntry): Promise<void>
  /** Forgets processes that left before `at`. */
  forgetRemovedBefore(at: number): Promise<void>
}
