import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type CacheDebtReport, type CacheDebtRow, paths } from '#routes/messages.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Shipper, ShippingDebt } from '../replication/shipper.ts'
import type { Silence } from '../replication/silence.ts'

export interface DebtRouteOptions {
  readonly site: Site
  readonly shippers: Iterable<Pick<Shipper, 'to' | 'debt'>>
  readonly silence: Pick<Silence, 'known'>
  /** Throws for whoever may not look. */
  readonly require: (request: FastifyRequest) => Promise<void>
}

/** Fastify plugin: `GET /gateway/v1/cache/debt`, by which moves wait and operators see why. */
export async function debtRoute(app: FastifyInstance, options: DebtRouteOptions): Promise<void> {
  const { site, shippers, silence, require } = options
  app.get(paths.cacheDebt, { preHandler: (request) => require(request) }, async (): Promise<CacheDebtReport> => {
    return { site, destinations: debtRows(shippers), writers: silence.known() }
  })
}

/** One row a destination, whatever the number of journals that ship there. */
export function debtRows(shippers: Iterable<Pick<Shipper, 'to' | 'debt'>>): CacheDebtRow[] {
  const rows = new Map<Site, CacheDebtRow>()
  for (const shipper of shippers) {
    const row = rows.get(shipper.to) ?? noDebt(shipper.to)
    rows.set(shipper.to, withDebt(row, shipper.debt()))
  }
  return [...rows.values()]
}

const noDebt = (to: Site): CacheDebtRow => ({
  to,
  invalidations: 0,
  values: 0,
  oldestAgeMs: 0,
  namespaces: {},
  dirty: [],
})

function withDebt(row: CacheDebtRow, { deletes, sets, oldestAgeMs, byNamespace, dirty }: ShippingDebt): CacheDebtRow {
  const namespaces = { ...row.namespaces }
  for (const [namespace, count] of byNamespace) namespaces[namespace] = (namespaces[namespace] ?? 0) + count
  return {
    to: row.to,
    invalidations: row.invalidations + deletes,
    values: row.values + sets,
    oldestAgeMs: Math.max(row.oldestAgeMs, Math.round(oldestAgeMs)),
    namespaces,
    dirty: [...new Set([...row.dirty, ...dirty])],
  }
}
