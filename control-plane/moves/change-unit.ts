import { listed } from '#routes/fault.ts'
import { nearestName } from '#routes/nearest-name.ts'
import type { Failover, Placement } from '#routes/placement.ts'
import type { Shadow } from '#routes/policy.ts'
import type { ServiceFacts } from '#routes/structure.ts'
import type { Epoch, Site, TableNumber, UnitId } from '#routes/vocabulary.ts'
import { record } from '../audit/chain.ts'
import type { Via } from '../audit/entry.ts'
import { unitsOf } from '../catalog/plan.ts'
import { problems } from '../errors.ts'
import type { Plane } from '../plane.ts'
import type { Records } from '../records.ts'
import {
  type Author,
  type ProposedPlacement,
  type Published,
  publishPlacements,
  type Sealer,
} from '../tables/publish.ts'
import type { PlacementChange } from '../tables/table-store.ts'
import type { BesideChange } from './beside.ts'
import { endFailover, type FailoverFault, failover } from './failover.ts'
import { type FlipFault, type FlipRequest, flip } from './flip.ts'
import { rollback } from './rollback.ts'
import { endShadow, type ShadowFault, type ShadowRequest, shadow } from './shadow.ts'
import { type UndoableHow, undoOf } from './undo.ts'

export interface ChangedUnit {
  readonly placement: Placement
  readonly table: TableNumber
  /** False: it was so already. */
  readonly changed: boolean
  readonly published: Published
  /** The command that takes it back. */
  readonly undo: string
  /** The copies and the failover that there are no more, whether that was asked for or not. */
  readonly ended?: { readonly shadow?: Shadow; readonly failover?: Failover }
  /** Of the audit entry. */
  readonly seq?: number
}

/** Who changes a unit, and which epoch they saw (undefined = any). */
export interface UnitAuthor extends Author {
  readonly via: Via
  readonly requestId: string
  readonly seen: Epoch | undefined
}

type Deciding = Pick<Plane, 'publisher' | 'feed'>

/**
 * Sets a unit's split at once. One transaction holds the compare-and-set on its epoch, the placement, its history, the
 * audit entry and the sealed document; when this resolves, gateways are being told.
 */
export function flipUnit(
  plane: Deciding,
  unit: UnitId,
  request: FlipRequest,
  author: UnitAuthor,
): Promise<ChangedUnit> {
  return plane.publisher.change(async (records, sealer) => {
    const current = await currentOf(records, unit, author)
    const service = runningService(plane, unit, request.to)
    const before = await changeBefore(records, current)
    const outcome = flip(current, request, service, before)
    if (outcome.kind === 'refused') throw refusal(outcome.because, unit, request, service)
    if (outcome.kind === 'unchanged') return unchanged(plane, current, 'flip')
    return commit(records, sealer, current, outcome, 'flip', author)
  })
}

/** Has safe requests of a share of the clients copied to another site, in the way of `flipUnit`. */
export function shadowUnit(
  plane: Deciding,
  unit: UnitId,
  request: ShadowRequest,
  author: UnitAuthor,
): Promise<ChangedUnit> {
  return changeBesideSplit(plane, unit, 'shadow', author, (current) => {
    const service = runningService(plane, unit, request.to)
    const outcome = shadow(current, request, service)
    if (outcome.kind === 'refused') throw shadowRefusal(outcome.because, unit, request, service)
    return outcome
  })
}

/** Ends the copies; also those of a unit whose service has left the catalog. */
export function endShadowOfUnit(plane: Deciding, unit: UnitId, author: UnitAuthor): Promise<ChangedUnit> {
  return changeBesideSplit(plane, unit, 'shadow', author, endShadow)
}

/** Lets safe requests go to another site when the unit's own gives no answer, in the way of `flipUnit`. */
export function failoverUnit(plane: Deciding, unit: UnitId, to: Site, author: UnitAuthor): Promise<ChangedUnit> {
  return changeBesideSplit(plane, unit, 'failover', author, (current) => {
    const service = runningService(plane, unit, to)
    const outcome = failover(current, to, service)
    if (outcome.kind === 'refused') throw failoverRefusal(outcome.because, unit, to, service)
    return outcome
  })
}

/** Ends the failover; also that of a unit whose service has left the catalog. */
export function endFailoverOfUnit(plane: Deciding, unit: UnitId, author: UnitAuthor): Promise<ChangedUnit> {
  return changeBesideSplit(plane, unit, 'failover', author, endFailover)
}

function changeBesideSplit(
  plane: Deciding,
  unit: UnitId,
  how: 'shadow' | 'failover',
  author: UnitAuthor,
  decide: (current: PlacementChange) => BesideChange,
): Promise<ChangedUnit> {
  return plane.publisher.change(async (records, sealer) => {
    const current = await currentOf(records, unit, author)
    const outcome = decide(current)
    if (outcome.kind === 'unchanged') return unchanged(plane, current, how)
    return commit(records, sealer, current, outcome, how, author)
  })
}

/** Takes a unit's newest move back: the content from before it, as a new epoch. Only a missing move refuses it. */
export function rollbackUnit(plane: Deciding, unit: UnitId, author: UnitAuthor): Promise<ChangedUnit> {
  return plane.publisher.change(async (records, sealer) => {
    const current = await currentOf(records, unit, author)
    const outcome = rollback(current, await changeBefore(records, current))
    if (outcome === undefined) throw problems['nothing-to-roll-back']({ unit })
    return commit(records, sealer, current, outcome, 'rollback', author)
  })
}

async function currentOf(records: Records, unit: UnitId, { seen }: UnitAuthor): Promise<PlacementChange> {
  const current = await records.tables.placement(unit)
  if (current === undefined) throw await unknownUnit(records, unit)
  const { epoch } = current.placement
  if (seen !== undefined && seen !== epoch) {
    const { actor, reason, at, how, placement } = current
    throw problems['stale-revision']({
      unit,
      seen,
      epoch,
      actor,
      reason,
      show: { change: { actor, reason, at, how, placement } },
    })
  }
  return current
}

/** A 404 that names what was probably meant. */
export async function unknownUnit(records: Records, unit: UnitId) {
  const units = (await records.tables.placements()).map(({ placement }) => placement.unit)
  return problems['unit-unknown']({ unit, nearest: didYouMean(unit, units) })
}

async function changeBefore(records: Records, { placement, returnsTo }: PlacementChange) {
  return returnsTo === undefined ? undefined : await records.tables.change(placement.unit, returnsTo)
}

/** The unit's service; without one it runs nowhere, so not at `to` either. */
function runningService({ feed }: Deciding, unit: UnitId, to: Site): ServiceFacts {
  const structure = feed.structure?.value
  const id = unitsOf(structure).get(unit)
  const service = structure?.services.find((one) => one.id === id)
  if (service === undefined) throw withoutDeployment(unit, to, [])
  return service
}

type Content = Pick<ProposedPlacement, 'placement' | 'returnsTo'>

async function commit(
  records: Records,
  sealer: Sealer,
  current: PlacementChange,
  { placement, returnsTo }: Content,
  how: UndoableHow,
  author: UnitAuthor,
): Promise<ChangedUnit> {
  const { actor, reason, at, via, requestId } = author
  const after = current.placement.epoch
  const proposed = { after, placement, ...(returnsTo === undefined ? {} : { returnsTo }), how }
  const placements = await publishPlacements(records.tables, sealer, { actor, reason, at }, [proposed])
  const entry = await record(records.audit, {
    at,
    actor,
    via,
    action: `unit.${how}`,
    object: placement.unit,
    before: { placements: [current.placement] },
    after: { placements: [placement] },
    reason,
    requestId,
    tableNumber: placements.number,
    epoch: placement.epoch,
  })
  const undo = undoOf(how, current.placement, placement)
  const ended = endedBetween(current.placement, placement)
  const { number: table } = placements
  return {
    placement,
    table,
    changed: true,
    published: { placements },
    undo,
    ...(ended && { ended }),
    seq: entry.seq,
  }
}

function endedBetween(before: Placement, after: Placement): ChangedUnit['ended'] {
  const shadow = after.shadow === undefined ? before.shadow : undefined
  const failover = after.failover === undefined ? before.failover : undefined
  if (shadow === undefined && failover === undefined) return undefined
  return { ...(shadow && { shadow }), ...(failover && { failover }) }
}

function unchanged({ feed }: Deciding, current: PlacementChange, how: UndoableHow): ChangedUnit {
  const { placement } = current
  const undo = undoOf(how, placement, placement)
  return { placement, table: feed.placements?.number ?? 0, changed: false, published: {}, undo }
}

function refusal(fault: FlipFault, unit: UnitId, { to }: FlipRequest, service: ServiceFacts) {
  const [because, advice] = splitWords[fault as keyof typeof splitWords] ?? []
  if (because === undefined || advice === undefined) return withoutDeployment(unit, to, sitesOf(service))
  return problems['split-not-possible']({ unit, because, advice, state: service.state })
}

const splitWords: Readonly<Record<Exclude<FlipFault, 'no-deployment'>, readonly [because: string, advice: string]>> = {
  'share-out-of-range': ['a share is a whole number of basis points from 0 to 10000', 'Send 2500 for 25 %.'],
  'writes-above-reads': ['writes never lead reads', 'Raise the reads first, or with them.'],
  'writes-not-divisible': [
    'its state is shared by all users, so its writes move whole',
    'Send writes 0 or 10000; or say `state: per-key` in the catalog if each record belongs to one key.',
  ],
  'no-key': [
    'its service names no sticky key, so a share would move nobody',
    'Name a `key` in the catalog, or flip all of it.',
  ],
  'one-key-needed': [
    'writes are split by key, and it names several key sources: one record could be written at both sites',
    'Name one source in `key`, the one that the state is parted by, or move the writes whole.',
  ],
}

function shadowRefusal(fault: ShadowFault, unit: UnitId, { to }: ShadowRequest, service: ServiceFacts) {
  if (fault === 'no-deployment') return withoutDeployment(unit, to, sitesOf(service))
  const [because, advice] = shadowWords[fault]
  return problems['shadow-not-possible']({ unit, to, because, advice })
}

function failoverRefusal(fault: FailoverFault, unit: UnitId, to: Site, service: ServiceFacts) {
  if (fault === 'no-deployment') return withoutDeployment(unit, to, sitesOf(service))
  return problems['failover-not-possible']({ unit, to })
}

const shadowWords: Readonly<Record<Exclude<ShadowFault, 'no-deployment'>, readonly [because: string, advice: string]>> =
  {
    'to-owner': ['it owns the unit, and executes these requests already', 'Name a site that does not own it.'],
    'no-key': [
      'its service names no sticky key, so a share would copy nobody',
      'Name a `key` in the catalog, or copy all of it (100 %).',
    ],
  }

function sitesOf(service: ServiceFacts): readonly string[] {
  return service.deployments.map(({ site }) => site)
}

function withoutDeployment(unit: UnitId, site: string, sites: readonly string[]) {
  const names = sites.length === 0 ? 'none, as its service left the catalog' : listed(sites, 'and')
  return problems['site-without-deployment']({ unit, site, sites: names, nearest: didYouMean(site, sites) })
}

function didYouMean(name: string, candidates: readonly string[]): string {
  const nearest = nearestName(name, candidates)
  return nearest === undefined ? '' : ` (did you mean ${nearest}?)`
}
