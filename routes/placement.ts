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
  /** The key that a gateway gave this client in a signed cookie, for clients whose own credentials change. */
  | 'sticky'

/** A move under way: the share of reads and of writes that the target site serves. */
export interface Moving {
  readonly to: Site
  readonly reads: Bp
  readonly writes: Bp
}

/** Where a safe request may go once more when the site that was asked gave no answer. Writes never do. */
export interface Failover {
  readonly to: Site
  readonly safeOnly: true
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
  readonly failover?: Failover
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
 * its new owner without `moving`, so that nobody ever writes at one site and reads at the other. Shadow and failover
 * stay, but end where they went to the site that owns it now.
 */
export function withSplit(placement: Placement, split: Split): Placement {
  const { moving: _, ...rest } = placement
  const next = { ...rest, epoch: placement.epoch + 1 }
  if (split.to === placement.owner || split.reads === 0) return next
  if (split.reads !== 10_000 || split.writes !== 10_000) return { ...next, moving: split }
  const { shadow, failover, ...bare } = next
  return {
    ...bare,
    ...(shadow === undefined || shadow.to === split.to ? {} : { shadow }),
    ...(failover === undefined || failover.to === split.to ? {} : { failover }),
    owner: split.to,
  }
}

/** The next epoch with these copies, or with none; where requests go is as it was. */
export function withShadow(placement: Placement, shadow: Shadow | undefined): Placement {
  const { shadow: _, ...rest } = placement
  const next = { ...rest, epoch: placement.epoch + 1 }
  return shadow === undefined ? next : { ...next, shadow }
}

/** The next epoch with this failover, or with none; where requests go while all is well is as it was. */
export function withFailover(placement: Placement, to: Site | undefined): Placement {
  const { failover: _, ...rest } = placement
  const next = { ...rest, epoch: placement.epoch + 1 }
  return to === undefined ? next : { ...next, failover: { to, safeOnly: true } }
}

/** `earlier`, brought back as a new epoch after `current`: epochs never fall, content may return. */
export function returnTo(current: Placement, earlier: Placement): Placement {
  return { ...earlier, epoch: current.epoch + 1 }
}

/** Whether two placements send every request, and every copy, to the same site; epochs and ids aside. */
export function sameContent(a: Placement, b: Placement): boolean {
  const sameKeys = a.cohort === b.cohort && a.key.join() === b.key.join()
  return sameSplit(a, b) && sameKeys && sameShadow(a.shadow, b.shadow) && a.failover?.to === b.failover?.to
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
  const sameShare = a?.to === b?.to && a?.sample === b?.sample && a?.again === b?.again
  return sameShare && a?.maxInFlight === b?.maxInFlight && a?.at === b?.at
}

function isBp(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 10_000
}
