import type { Table } from '#routes/table.ts'

export interface RouteRow {
  readonly id: string
  readonly unit: string
  readonly service: string
  readonly host: string
  readonly pattern: string
  readonly methods: readonly string[] | string
  /** The site that owns it now, and where it is moving. */
  readonly owner: string
  readonly movingTo: string | undefined
}

const rowsLimit = 500

/** Routes in whose id, unit or pattern `wanted` occurs; at most 500, and how many there are. */
export function routeRows(table: Table | undefined, wanted: string): { total: number; routes: readonly RouteRow[] } {
  const all = table?.structure.value.routes ?? []
  const found = all.filter(({ id, unit }) => id.includes(wanted) || unit.includes(wanted))
  return {
    total: found.length,
    routes: found.slice(0, rowsLimit).map(({ id, unit, service, host = '', pattern, methods = 'any' }): RouteRow => {
      const placement = table?.placementOf.get(unit)
      const owner = placement?.owner ?? table?.index.services.get(service)?.home ?? ''
      return { id, unit, service, host, pattern, methods, owner, movingTo: placement?.moving?.to }
    }),
  }
}
