import { createMetrics, type Metrics } from '#server-kit/metrics.ts'
import { type EdgeReload, reloadOutcomes } from './edge-reload.ts'
import { restartReasons, type Supervisor } from './supervisor.ts'
import type { TableRelay } from './table-relay.ts'

/** What the metrics of an edge are asked of, each time they are read. */
interface Sources {
  readonly supervisor: Pick<Supervisor, 'states' | 'residentBytes'>
  readonly relay: Pick<TableRelay, 'numbers' | 'ageMs'>
  readonly reload: Pick<EdgeReload, 'refused'>
}

/** Counters are there before the parts that count; gauges ask parts that are made later. */
export function edgeMetrics(sources: () => Sources) {
  const metrics: Metrics = createMetrics({ process: true })
  const refusals = metrics.counter(
    'tidegate_edge_table_refusals_total',
    'Table documents that this edge was offered and did not take.',
    { kind: ['structure', 'placements'], because: { atMost: 20 } },
  )
  const restarts = metrics.counter(
    'tidegate_edge_restarts_total',
    'workerd processes that were started in the place of another one.',
    { reason: restartReasons },
  )
  const reloads = metrics.counter('tidegate_config_reloads_total', 'Configurations that were read again.', {
    outcome: reloadOutcomes,
  })
  metrics.gauge(
    'tidegate_config_refused',
    '1 while the configuration file is not what serves, because it was refused.',
    {},
    (gauge) => gauge.set({}, sources().reload.refused ? 1 : 0),
  )
  const states = ['starting', 'ready', 'draining'] as const
  metrics.gauge('tidegate_edge_children', 'workerd processes by what they do.', { state: states }, (gauge) => {
    const now = sources().supervisor.states
    for (const state of states) gauge.set({ state }, now.filter((one) => one === state).length)
  })
  metrics.gauge(
    'tidegate_edge_child_resident_bytes',
    'Resident memory of the workerd process of a slot; 0 while there is none.',
    { slot: { atMost: 256 } },
    (gauge) => {
      for (const [slot, bytes] of sources().supervisor.residentBytes.entries())
        gauge.set({ slot: String(slot) }, bytes ?? 0)
    },
  )
  metrics.gauge(
    'tidegate_edge_table_number',
    'Number of the table that new workerd processes start with; 0 = none.',
    { document: ['structure', 'placements'] },
    (gauge) => {
      const { numbers } = sources().relay
      gauge.set({ document: 'structure' }, numbers?.structure ?? 0)
      gauge.set({ document: 'placements' }, numbers?.placements ?? 0)
    },
  )
  metrics.gauge(
    'tidegate_edge_table_age_seconds',
    'Since the last answer of the control plane; -1 = there was none since the start.',
    {},
    (gauge) => {
      const { ageMs } = sources().relay
      gauge.set({}, ageMs === undefined ? -1 : ageMs / 1000)
    },
  )
  return { metrics, refusals, restarts, reloads }
}
