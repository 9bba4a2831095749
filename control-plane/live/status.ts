import type { GatewaySummary, StatusAnswer } from '../api-client/schema.ts'
import { unitsOf } from '../catalog/plan.ts'
import type { Plane } from '../plane.ts'
import type { Member } from '../tables/members.ts'
import { presentAdoption } from '../tables/present-adoption.ts'

/** One screen for the operator: programs, numbers, moves under way, what is behind. */
export async function status(plane: Plane): Promise<StatusAnswer> {
  const { feed, members, fleet, store } = plane
  const structure = feed.structure?.value
  const placements = feed.placements?.value.placements ?? []
  const [asked, behind] = await Promise.all([fleet.edges(), store.records.tables.mark('catalog-behind')])
  const adoption = presentAdoption(plane)
  return {
    environment: plane.environment,
    version: plane.version,
    startedAt: plane.startedAt,
    table: { structure: feed.structure?.number ?? 0, placements: feed.placements?.number ?? 0 },
    catalogBehind: behind === 1,
    recovery: { state: fleet.recovery.state, silent: [...fleet.recovery.silent] },
    services: structure?.services.length ?? 0,
    units: unitsOf(structure).size,
    moving: placements.filter(({ moving }) => moving !== undefined).length,
    sites: structure?.sites.map(({ name }) => name) ?? [],
    gateways: members.all().map(gatewaySummary),
    edges: fleet.edgeAddresses.map(({ name, url }, at) => {
      const answer = asked[at]
      if (answer?.ok) return { name, url, reachable: true, status: answer.status }
      return { name, url, reachable: false, ...(answer === undefined ? {} : { because: answer.because }) }
    }),
    ...(adoption === undefined ? {} : { adoption }),
    ...(plane.publishing === undefined ? {} : { cloudflare: plane.publishing.status }),
  }
}

export function gatewaySummary(member: Member): GatewaySummary {
  const { entry, state, held, refusals, heardAt, debt } = member
  return {
    site: entry.site,
    instance: entry.instance,
    internalUrl: entry.internalUrl,
    version: entry.version,
    state,
    startedAt: entry.startedAt,
    heardAt,
    structure: held?.structure.number ?? 0,
    placements: held?.placements.number ?? 0,
    refusals: [...refusals],
    ...(debt === undefined ? {} : { debt: { ...debt } }),
  }
}
