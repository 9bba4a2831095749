import { tmpdir } from 'node:os'
import { Background } from '#server-kit/background.ts'
import type { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import type { Answer, BodyStream } from '../../../gateway/answer.ts'
import { type OpenResponseCacheOptions, openResponseCache } from '../../../gateway/cache/open-response-cache.ts'
import { openSiteCache, type SiteCache, type SiteCacheOptions } from '../../../gateway/cache/site-cache.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { TableHolder } from '../../../gateway/fence/table-holder.ts'
import { match } from '../../../gateway/intake/match.ts'
import { Pipeline } from '../../../gateway/pipeline.ts'
import { SharedParts } from '../../../gateway/reload/shared-parts.ts'
import { makeSealer, placementSet, structure } from '../../../test/support/tables.ts'
import type { IsolatedRoute } from './isolated-routes.ts'

export interface IsolatedGateway extends AsyncDisposable {
  readonly pipeline: Pipeline
  readonly background: Background
}

/** The phases of a gateway from the match on, its cache whole and real, in front of a service that is a function. */
export async function openIsolatedGateway(
  routes: readonly IsolatedRoute[],
  service: (x: Exchange) => Answer | Promise<Answer>,
  { clock, random }: { readonly clock: HeldClock; readonly random: Random },
): Promise<IsolatedGateway> {
  const log = silentLog
  const background = new Background(log)
  const metrics = createMetrics()
  const sealer = await makeSealer()
  const holder = new TableHolder({ trusted: () => sealer.trusted, clock, log })
  const refusals = await holder.offer({
    structure: await sealer.structure(structure(routes.map(({ route }) => route))),
    placements: await sealer.placements(placementSet([])),
  })
  if (refusals.length > 0) throw new Error(`the table was refused: ${JSON.stringify(refusals)}`)
  const yaml = {
    zones: [{ name: 'near', driver: 'memory', nodes: [], ring: 'ketama', limit: '32MiB', mode: 'auto', tls: false }],
    writeAck: 'quorum',
    doubleWrite: { to: [], namespaces: ['*'] },
    journal: { invalidations: '1MiB', values: '1MiB' },
    warmUp: { share: 5, deadline: '50ms' },
    namespaces: {},
    ports: [],
    readDeadline: '2s',
    responses: true,
    targeted: ['x-tidegate-cache-control', 'cdn-cache-control'],
    memory: { on: true, limit: '16MiB', alone: true },
    events: { stream: false, namespaces: ['*'], changes: [] },
  } satisfies SiteCacheOptions['yaml']['cache'] & OpenResponseCacheOptions['yaml']
  const site = 'onprem'
  const common = { site, clock, background, log, metrics }
  const file = { site, cache: yaml, peers: {} }
  const ring = () => undefined
  const table = () => holder.current
  const options = { ...common, yaml: file, home: tmpdir(), instance: 'proof', writer: 1, ring, table, random }
  // Its zones are of the memory driver: nothing is written into the folder.
  const cache = (await openSiteCache(options)) as SiteCache
  const lease = new SharedParts().lease()
  const head = { pseudonym: undefined, believes: () => false }
  const responses = openResponseCache({ ...common, yaml, cache, keyHeaders: [], head, holder, lease, told: () => {} })
  const phases = [match(() => holder.current), responses.phase, { name: 'service', before: service }]
  return {
    pipeline: new Pipeline(phases, log),
    background,
    [Symbol.asyncDispose]: async () => {
      await background.settle(5_000)
      await lease.release()
      await cache.close()
    },
  }
}

/** A body in two pieces, as they come from a connection. */
export function bodyOf(text: string): BodyStream {
  const half = text.length >> 1
  return {
    flow: (sink) => {
      sink.write(Buffer.from(text.slice(0, half)))
      sink.end(Buffer.from(text.slice(half)))
    },
    resume: () => {},
    cancel: () => {},
  }
}
