import type { Stamp } from './cache-store.ts'

/** What an operator can make of a zone: `cold` gives up all that it has now, and is `up` from then on. */
export type ForcedState = 'up' | 'write-only' | 'cold'

/** PORT: what the processes of a site must tell one another of its zones, and what of it must outlive them. */
export interface SharedZoneState {
  /**
   * What the other processes owe is known here, up to now. While it is not, a zone by itself proves nothing: a value counts
   * only where all zones of the site have it alike.
   */
  readonly informed: boolean
  /** Once true, no other process of the site reads the zone until `settled`. False: nobody could be told. Never rejects. */
  owes(zone: string): Promise<boolean>
  /** This process owes the zone nothing any more. Never throws; told to the others soon, and again until they know. */
  settled(zone: string): void
  /**
   * What the process of this place (`Journal.place`) owed has been replayed into the zones, and is owed by this process where
   * a zone did not take it. Of a process that ended nobody reads the zones that it owed before that, or before they are given up.
   */
  replayed(place: string): void
  /** No other process owes the zone anything, and no operator forbade it. */
  mayRead(zone: string): boolean
  /** Values of the zone with a lower stamp are given up: the higher of the zone's floor and the site's. */
  floor(zone: string): Stamp
  /** Of one zone, or of the site (`*`): true once it outlives this process, and the others were told. Never rejects. */
  raise(where: string, stamp: Stamp): Promise<boolean>
  /**
   * Which nodes a zone has, as this process asks it; undefined: they are about to change. Processes that differ do not read
   * the zone, and what it had before they became alike is given up: a key that changed its node twice would meet an old value.
   * True once the others go by it. Never rejects.
   */
  pool(zone: string, nodes: string | undefined): Promise<boolean>
  /** An operator's word; it outlives the process. Rejects with `cache-zone-state-unshared` when it holds in this process alone. */
  force(zone: string, state: ForcedState): Promise<void>
  close(): Promise<void>
}
