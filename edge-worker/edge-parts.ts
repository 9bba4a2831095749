import type { TableOffer } from '#routes/messages.ts'
import { type Bindings, type Env, readBindings } from './bindings.ts'
import { coloSources } from './colo-cache.ts'
import { noCounts } from './counts.ts'
import { FailoverBudget } from './failover-budget.ts'
import { HeldTable } from './held-table.ts'
import { kvSource } from './kv-source.ts'
import { Outliers } from './outliers.ts'
import type { EdgeParts } from './passing.ts'
import { Places } from './places.ts'
import { controlPlaneSource, supervisorSource, type TableSource } from './table-sources.ts'

/** Called by the first request, since the global scope has no bindings. A name is that of a binding that is wrong. */
export async function openEdge(env: Env, bundle: TableOffer): Promise<EdgeParts | keyof Env> {
  const bindings = await readBindings(env)
  if (typeof bindings === 'string') return bindings
  const sources = sourcesOf(env, bindings)
  const table = new HeldTable(bundle, sources, bindings.trusted, { now, pause: (ms) => scheduler.wait(ms) })
  const kept = { counts: noCounts(), outliers: new Outliers(), budget: new FailoverBudget(), places: new Places() }
  return { bindings, sources, table, ...kept, isolate: newId(), now }
}

export function newId(): string {
  return crypto.randomUUID()
}

const now = () => Date.now()

function sourcesOf(env: Env, { controlRing }: Bindings): readonly TableSource[] {
  // What a colo keeps in its cache and KV, this supervisor keeps on its disk.
  if (env.TABLES !== undefined) return [supervisorSource(env.TABLES, env.TABLES_TOKEN ?? '')]
  if (!env.CONTROL_PLANE_URL) return []
  const controlPlane = controlPlaneSource({ url: env.CONTROL_PLANE_URL, ring: controlRing, now, newId })
  const environment = env.EDGE_ENVIRONMENT || 'production'
  const colo = coloSources(controlPlane, caches.default, environment)
  return env.PLACEMENTS === undefined ? colo : [...colo, kvSource(env.PLACEMENTS, environment)]
}
