import type { TableNumber } from '#routes/vocabulary.ts'
import type { AdoptionAnswer } from '../api-client/schema.ts'
import type { Plane } from '../plane.ts'
import { adoptionOf } from './adoption.ts'

type Evidence = Pick<Plane, 'feed' | 'members' | 'sightings' | 'clock'>

/** Adoption of the newest placements by what is known at this moment; undefined before the first table. */
export function presentAdoption(plane: Evidence): AdoptionAnswer | undefined {
  const newest = plane.feed.placements
  return newest && adoptionNow(plane, newest.number, newest.value.at)
}

/** Adoption of any published number. */
export function adoptionNow(plane: Evidence, placements: TableNumber, publishedAt: number): AdoptionAnswer {
  const { members, sightings, clock } = plane
  const gateways = members
    .all()
    .filter(({ state }) => state !== 'gone')
    .map(({ entry, held, heldAt }) => ({
      site: entry.site,
      instance: entry.instance,
      structure: held?.structure.number ?? 0,
      placements: held?.placements.number ?? 0,
      ...(heldAt === undefined ? {} : { at: heldAt }),
    }))
  const adoption = adoptionOf({ placements, publishedAt, sightings: sightings.all(), gateways, now: clock.now() })
  return { ...adoption, gateways, colos: [...adoption.colos], stragglers: [...adoption.stragglers] }
}
