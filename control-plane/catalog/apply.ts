import type { CatalogFile } from '#routes/catalog.ts'
import type { Fault } from '#routes/fault.ts'
import { digestOf } from '#routes/seal.ts'
import type { Structure } from '#routes/structure.ts'
import { encodeStructure } from '#routes/structure-codec.ts'
import { type DocumentFacts, mayReplace } from '#routes/table.ts'
import { record } from '../audit/chain.ts'
import type { Via } from '../audit/entry.ts'
import { problems } from '../errors.ts'
import type { Records } from '../records.ts'
import type { TableFeed } from '../tables/feed.ts'
import {
  type Author,
  nextNumber,
  type Published,
  publishPlacements,
  publishStructure,
  type Sealer,
} from '../tables/publish.ts'
import type { Publisher } from '../tables/publisher.ts'
import type { CatalogChanges, ServiceDiff } from './diff.ts'
import { type ApplyMode, type CatalogPlan, newPlacements, strandedUnits } from './plan.ts'
import { planAside } from './planner.ts'

export interface ApplyRequest {
  readonly files: readonly CatalogFile[]
  readonly mode: ApplyMode
  readonly allowShrink: boolean
}

export interface Applied {
  /** Number in force afterwards; on a dry run, and when nothing differs, the present one. */
  readonly structure: number
  readonly changed: CatalogChanges
  readonly warnings: readonly Fault[]
  readonly published: Published
  /** Sequence of the audit entry; undefined = nothing was changed. */
  readonly seq?: number
}

export interface ApplyAuthor extends Author {
  readonly via: Via
  readonly requestId: string
}

/** What a request would do. Throws `catalog-invalid` with all faults, or `catalog-implausible`. */
export async function tryCatalog(
  records: Records,
  feed: TableFeed,
  request: ApplyRequest,
): Promise<Applied & { readonly diff: readonly ServiceDiff[] }> {
  const { plan, present } = await planned(records, feed, request)
  const { changed, warnings, diff } = plan
  return { structure: present?.number ?? 0, changed, warnings, published: {}, diff }
}

/**
 * Makes the catalog so, and publishes what follows from it, in one transaction. Equal input changes nothing and makes
 * no number; a text that differs without meaning anything else is kept, and makes no number either.
 */
export async function applyCatalog(
  records: Records,
  feed: TableFeed,
  publisher: Publisher,
  request: ApplyRequest,
  author: ApplyAuthor,
): Promise<Applied> {
  // Planned beside the line of changes, since it may take seconds; what was changed meanwhile asks for another plan.
  for (let attempt = 1; attempt < plansAside; attempt++) {
    const basis = await planned(records, feed, request)
    const applied = await publisher.change(async (within, sealer) => {
      return (await stillHolds(within, feed, basis)) ? commit(within, sealer, basis, author) : { published: {} }
    })
    if ('structure' in applied) return applied
  }
  return publisher.change(async (within, sealer) =>
    commit(within, sealer, await planned(within, feed, request), author),
  )
}

/** Then the line of changes waits for the plan: somebody applies catalogs faster than one can be read. */
const plansAside = 4

interface Basis {
  readonly plan: CatalogPlan
  readonly present: Structure | undefined
  readonly kept: readonly CatalogFile[]
}

async function planned(records: Records, feed: TableFeed, request: ApplyRequest): Promise<Basis> {
  const present = feed.structure?.value
  const kept = await records.catalog.files()
  const placements = (await records.tables.placements()).map(({ placement }) => placement)
  const { files: given, mode, allowShrink } = request
  const outcome = await planAside({ kept, given, mode, allowShrink, placements, present })
  if (!outcome.ok) {
    const { length } = outcome.faults
    const faults = length === 1 ? '1 fault' : `${length} faults`
    throw problems['catalog-invalid']({ faults, show: { faults: outcome.faults } })
  }
  checkPlausible(present, outcome.plan)
  return { plan: outcome.plan, present, kept }
}

/** What every receiver would refuse is not published: the fleet would stay behind for ever. */
function checkPlausible(present: Structure | undefined, { structure }: CatalogPlan): void {
  const held = present && factsOf(present)
  const because = mayReplace(held, { ...factsOf(structure), number: (held?.number ?? 0) + 1 })
  if (because !== 'newer') throw problems['catalog-implausible']({ because })
}

function factsOf(structure: Structure): DocumentFacts {
  const { number, routes, mayShrink } = structure
  const size = encodeStructure(structure).length
  return { kind: 'structure', number, digest: '', size, routes: routes.length, mayShrink, epochs: new Map() }
}

/** Whether a plan is still about what is there: the structure, the texts, and where the units are served. */
async function stillHolds(records: Records, feed: TableFeed, { plan, present, kept }: Basis): Promise<boolean> {
  if (feed.structure?.value !== present || !sameFiles(kept, await records.catalog.files())) return false
  const placements = (await records.tables.placements()).map(({ placement }) => placement)
  return strandedUnits(plan.structure, placements, present).length === 0
}

async function commit(records: Records, sealer: Sealer, basis: Basis, author: ApplyAuthor): Promise<Applied> {
  const { plan, present, kept } = basis
  const { files, changed, warnings } = plan
  const behind = (await records.tables.mark('catalog-behind')) === 1
  const unchanged = { structure: present?.number ?? 0, changed, warnings, published: {} }
  if (!plan.differs && !behind && sameFiles(kept, files)) return unchanged

  await records.catalog.replace(files, author.at)
  await records.tables.setMark('catalog-behind', 0)
  const { published, placed } = plan.differs ? await publish(records, sealer, basis, author) : nothingPublished
  const structure = published.structure?.number ?? unchanged.structure
  const { actor, via, reason, at, requestId } = author
  const entry = await record(records.audit, {
    at,
    actor,
    via,
    action: 'catalog.apply',
    object: 'catalog',
    before: { structure: unchanged.structure },
    after: { structure, changed, files: await digests(files), placements: placed },
    reason,
    requestId,
    ...(published.placements === undefined ? {} : { tableNumber: published.placements.number }),
  })
  return { structure, changed, warnings, published, seq: entry.seq }
}

const nothingPublished: Awaited<ReturnType<typeof publish>> = { published: {}, placed: [] }

async function publish({ tables }: Records, sealer: Sealer, { plan, present }: Basis, author: Author) {
  const structure = { ...plan.structure, number: await nextNumber(tables, 'structure') }
  const newSites = siteNames(structure) !== siteNames(present)
  if (newSites) await tables.setMark('sites-since', structure.number)
  const placements = (await tables.placements()).map(({ placement }) => placement)
  const proposed = newPlacements(structure, placements, present)
  const sealed = await publishStructure(tables, sealer, author, structure)
  const set = newSites || proposed.length > 0 ? await publishPlacements(tables, sealer, author, proposed) : undefined
  const published: Published = { structure: sealed, ...(set === undefined ? {} : { placements: set }) }
  return { published, placed: proposed.map(({ placement }) => placement) }
}

function siteNames(structure: Structure | undefined): string {
  return (structure?.sites ?? [])
    .map(({ name }) => name)
    .sort()
    .join()
}

function sameFiles(a: readonly CatalogFile[], b: readonly CatalogFile[]): boolean {
  if (a.length !== b.length) return false
  const texts = new Map(a.map(({ file, text }) => [file, text]))
  return b.every(({ file, text }) => texts.get(file) === text)
}

/** The audit names the exact texts without holding them. */
async function digests(files: readonly CatalogFile[]): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries(
    await Promise.all(files.map(async ({ file, text }) => [file, await digestOf(text)] as const)),
  )
}
