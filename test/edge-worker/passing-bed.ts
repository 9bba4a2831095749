/** One isolate in Node: everything that a request passes, between a recording origin and a clock that the test moves. */
import { randomBytes } from 'node:crypto'
import type { MarkKind } from '#routes/hop.ts'
import { readMark } from '#routes/hop.ts'
import { headers, type TableOffer } from '#routes/messages.ts'
import type { Placement } from '#routes/placement.ts'
import { KeyRing, type Purpose } from '#routes/seal.ts'
import type { RouteFacts, Structure } from '#routes/structure.ts'
import { noCounts } from '../../edge-worker/counts.ts'
import { type FactsSettings, readIncoming } from '../../edge-worker/facts.ts'
import { FailoverBudget } from '../../edge-worker/failover-budget.ts'
import { HeldTable } from '../../edge-worker/held-table.ts'
import { OriginRecorded } from '../../edge-worker/origin-recorded.ts'
import { Outliers } from '../../edge-worker/outliers.ts'
import type { EdgeParts } from '../../edge-worker/passing.ts'
import { Places } from '../../edge-worker/places.ts'
import { serve } from '../../edge-worker/serve.ts'
import { makeSealer, placementSet, type Sealer, structure } from '../support/tables.ts'

type Answer = ConstructorParameters<typeof OriginRecorded>[1]

const sealer = makeSealer()
const rings = Promise.all([ringOf('edge-gateway'), ringOf('edge-control')])

export interface Isolate {
  readonly edge: EdgeParts
  readonly origin: OriginRecorded
  /** What the platform was asked to keep running. */
  readonly kept: Promise<unknown>[]
  readonly gatewayRing: KeyRing
  readonly controlRing: KeyRing
  nowMs: number
  pass(request: Request): ReturnType<typeof serve>
  /** The mark of the nth request that was sent, as a gateway reads it. */
  markOf(sent: number, kind?: MarkKind): ReturnType<typeof readMark>
}

export async function isolate(
  routes: readonly RouteFacts[],
  placements: readonly Placement[],
  answer?: Answer,
  more: { readonly structure?: Partial<Structure>; readonly facts?: Partial<FactsSettings>; sites?: string[] } = {},
): Promise<Isolate> {
  const by = await sealer
  const [gatewayRing, controlRing] = await rings
  const origin = new OriginRecorded(more.sites ?? ['onprem', 'cloud'], answer)
  const table = new HeldTable(await offerOf(by, routes, placements, more.structure), [], by.trusted, {
    now: () => bed.nowMs,
    pause: () => Promise.resolve(),
  })
  const facts: FactsSettings = {
    platform: 'self-hosted',
    trustedClientIpHeader: undefined,
    trustedCountryHeader: undefined,
    ...more.facts,
  }
  const edge: EdgeParts = {
    bindings: {
      name: 'edge-1',
      version: '1',
      scriptVersion: undefined,
      facts,
      origin,
      trusted: by.trusted,
      gatewayRing,
      controlRing,
    },
    table,
    sources: [],
    counts: noCounts(),
    outliers: new Outliers(),
    budget: new FailoverBudget(),
    places: new Places(),
    isolate: 'i',
    now: () => bed.nowMs,
  }
  const bed: Isolate = {
    edge,
    origin,
    kept: [],
    gatewayRing,
    controlRing,
    nowMs: Date.now(),
    pass: (request) =>
      serve({
        request,
        incoming: readIncoming(request, facts, () => crypto.randomUUID()),
        edge,
        waitUntil: (work) => void bed.kept.push(work),
      }),
    markOf: (sent, kind = 'edge') => {
      const { request } = origin.sent[sent] as { request: Request }
      const { host, pathname, search } = new URL(request.url)
      const marked = { method: request.method, host: request.headers.get('host') ?? host, target: pathname + search }
      return readMark(kind, request.headers.get(headers.edge) ?? '', marked, gatewayRing, bed.nowMs)
    },
  }
  return bed
}

export function ask(method: string, path: string, more: Record<string, string> = {}, body?: string): Request {
  return new Request(`http://api.example.com${path}`, { method, headers: more, body: body ?? null, redirect: 'manual' })
}

async function offerOf(
  by: Sealer,
  routes: readonly RouteFacts[],
  placements: readonly Placement[],
  facts: Partial<Structure> | undefined,
): Promise<TableOffer> {
  return {
    structure: await by.structure(structure(routes, facts)),
    placements: await by.placements(placementSet(placements)),
  }
}

async function ringOf(purpose: Purpose): Promise<KeyRing> {
  const keys = [{ id: 'k1', secret: randomBytes(32).toString('base64url') }]
  return (await KeyRing.open({ purpose, keys })) as KeyRing
}
