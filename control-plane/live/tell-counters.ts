import type { Part } from '#server-kit/lifecycle.ts'
import type { Plane } from '../plane.ts'
import { presentAdoption } from '../tables/present-adoption.ts'

const everyMs = 1_000

/** Tells consoles adoption and traffic once a second, while anybody listens; and each new table as it is published. */
export function tellCounters({ events, traffic, feed, members, sightings, clock }: Plane): Part {
  let timer: NodeJS.Timeout | undefined
  const unsubscribe = feed.subscribe(({ placements }) => {
    if (placements === undefined) return
    const { author, reason, at } = placements.value
    events.tell({
      type: 'table',
      structure: feed.structure?.number ?? 0,
      placements: placements.number,
      author,
      reason,
      at,
    })
  })
  const tell = (): void => {
    if (events.listeners === 0) return
    const adoption = presentAdoption({ feed, members, sightings, clock })
    if (adoption !== undefined) events.tell({ type: 'adoption', adoption })
    const units = traffic.units().map((unit) => ({ unit, traffic: [...traffic.of(unit)] }))
    if (units.length > 0) events.tell({ type: 'traffic', units })
  }
  return {
    name: 'counters for consoles',
    start: async () => {
      timer = setInterval(tell, everyMs).unref()
    },
    stop: async () => {
      clearInterval(timer)
      unsubscribe()
    },
  }
}
