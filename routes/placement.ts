import type { Shadow } from './policy.ts'
import type { Bp, Cohort, Epoch, Site, StateScope, UnitId } from './vocabulary.ts'

/** Where a request's sticky key is taken from; only what an edge can compute without a look-up. */
export type KeySource =
  | 'authorization'
  | 'address'
  | `header:${string}`
  | `cookie:${string}`
  | `claim:${string}`
  | `param:${string}`

/** A move under way: the share of reads and of writes that the target site serves. */
export interface Moving {
  readonly to: Site
  readonly reads: Bp
  readonly writes: Bp
}

/** Who owns a unit now, and how a move of it is under way. */
export interface Placement {
  readonly unit: UnitId
  readonly epoch: Epoch
  /** The one site that executes the unit's writes (below `moving.writes`). */
  readonly owner: Site
  readonly moving?: Moving
  readonly cohort: Cohort
  /** The first source that is present gives the key; none present: the owner serves. */
  readonly key: readonly KeySource[]
  /** Copies of safe requests that its owner sends to another site, whose answers no client sees. */
  readonly shadow?: Shadow
}

/** What an operator asks for: at `to`, this share of reads and writes. */
export interface Split {
  readonly to: Site
  readonly reads: Bp
  readonly writes: Bp
}

export type SplitFault = 'share-out-of-range' | 'writes-above-reads' | 'writes-not-divisible'

/**
 * Says what is wrong with a split of a unit, or undefined. Writes never lead reads, and a unit whose state two sites
 * would share moves its writes whole: a part of them at each site would make two owners of one record.
 */
export function splitFault(split: Split, state: StateScope): SplitFault | undefined {
  if (!isBp(split.reads) || !isBp(split.writes)) return 'share-out-of-range'
  if (split.writes > split.reads) return 'writes-above-reads'
  const whole = split.writes === 0 || split.writes === 10_000
  return whole || state === 'none' || state === 'per-key' ? undefined : 'writes-not-divisible'
}

/**
 * The placement after a split is set: always the next epoch, and in normal form. All of a unit at `to` is written as
 * its new owner without `moving`, so that nobody ever writes at one site and reads at the other. Its shadow stays, but
 * ends where the copies went to the site that owns it now.
 */
export function withSplit(placement: Placement, split: Split): Placement {
  const { moving: _, ...rest } = placement
  const next = { ...rest, epoch: placement.epoch + 1 }
  if (split.to === placement.owner || split.reads === 0) return next
  if (split.reads !== 10_000 || split.writes !== 10_000) return { ...next, moving: split }
  const { shadow, ...bare } = next
  return { ...(shadow?.to === split.to ? bare : next), owner: split.to }
}

/** The next epoch with these copies, or with none; where requests go is as it was. */
export function withShadow(placement: Placement, shadow: Shadow | undefined): Placement {
  const { shadow: _, ...rest } = placement
  const next = { ...rest, epoch: placement.epoch + 1 }
  return shadow === undefined ? next : { ...next, shadow }
}

/** `earlier`, brought back as a new epoch after `current`: epochs never fall, content may return. */
export function returnTo(current: Placement, earlier: Placement): Placement {
  return { ...earlier, epoch: current.epoch + 1 }
}

/** Whether two placements send every request, and every copy, to the same site; epochs and ids aside. */
export function sameContent(a: Placement, b: Placement): boolean {
  return sameSplit(a, b) && a.cohort === b.cohort && a.key.join() === b.key.join() && sameShadow(a.shadow, b.shadow)
}

/** Whether two placements name the same owner and the same shares. */
export function sameSplit(a: Placement, b: Placement): boolean {
  return (
    a.owner === b.owner &&
    a.moving?.to === b.moving?.to &&
    a.moving?.reads === b.moving?.reads &&
    a.moving?.writes === b.moving?.writes
  )
}

export function sameShadow(a: Shadow | undefined, b: Shadow | undefined): boolean {
  return a?.to === b?.to && a?.sample === b?.sample && a?.again === b?.again && a?.maxInFlight === b?.maxInFlight
}

function isBp(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 10_000
}
