import type { Metrics } from '#server-kit/metrics.ts'
import type { Plane } from '../plane.ts'

const states = ['joining', 'live', 'leaving', 'gone'] as const

/** What an operator's monitoring asks of a control plane; read from memory when it is asked. */
export function fleetMetrics(metrics: Metrics, { feed, members, events, sightings }: Plane): void {
  metrics.gauge(
    'tidegate_table_number',
    'Number of the document in force.',
    { kind: ['structure', 'placements'] },
    (gauge) => {
      gauge.set({ kind: 'structure' }, feed.structure?.number ?? 0)
      gauge.set({ kind: 'placements' }, feed.placements?.number ?? 0)
    },
  )
  metrics.gauge('tidegate_units_moving', 'Units whose move is under way.', {}, (gauge) => {
    gauge.set({}, feed.placements?.value.placements.filter(({ moving }) => moving !== undefined).length ?? 0)
  })
  metrics.gauge('tidegate_gateways', 'Gateway processes by state.', { state: states }, (gauge) => {
    const all = members.all()
    for (const state of states) gauge.set({ state }, all.filter((member) => member.state === state).length)
  })
  metrics.gauge('tidegate_gateways_behind', 'Live gateway processes below the placements in force.', {}, (gauge) => {
    const number = feed.placements?.number ?? 0
    const behind = ({ state, held }: ReturnType<typeof members.all>[number]) =>
      state === 'live' && (held?.placements.number ?? 0) < number
    gauge.set({}, members.all().filter(behind).length)
  })
  metrics.gauge('tidegate_console_streams', 'Consoles that follow the events.', {}, (gauge) => {
    gauge.set({}, events.listeners)
  })
  metrics.gauge('tidegate_colos_left_out', 'Reports on colos beyond the limit of the ledger.', {}, (gauge) => {
    gauge.set({}, sightings.refused)
  })
}
