import type { TableOffer } from '#routes/messages.ts'
import { type Bindings, type Env, readBindings } from './bindings.ts'
import { HeldTable } from './held-table.ts'
import { controlPlaneSource, supervisorSource, type TableSource } from './table-sources.ts'

/** What one isolate keeps between requests: values only, see edge trap E1. */
export interface EdgeParts {
  readonly bindings: Bindings
  readonly table: HeldTable
  readonly source: TableSource | undefined
  /** Random name of the isolate, for status. */
  readonly isolate: string
  /** Ms since 1970. */
  now(): number
}

/** Called by the first request, since the global scope has no bindings. A name is that of a binding that is wrong. */
export async function openEdge(env: Env, bundle: TableOffer): Promise<EdgeParts | keyof Env> {
  const bindings = await readBindings(env)
  if (typeof bindings === 'string') return bindings
  const source = sourceOf(env, bindings)
  const table = new HeldTable(bundle, source, bindings.trusted, { now, pause: (ms) => scheduler.wait(ms) })
  return { bindings, source, table, isolate: newId(), now }
}

export function newId(): string {
  return crypto.randomUUID()
}

const now = () => Date.now()

function sourceOf(env: Env, { controlRing }: Bindings): TableSource | undefined {
  if (env.TABLES !== undefined) return supervisorSource(env.TABLES, env.TABLES_TOKEN ?? '')
  if (!env.CONTROL_PLANE_URL) return undefined
  return controlPlaneSource({ url: env.CONTROL_PLANE_URL, ring: controlRing, now, newId })
}
