import type { FastifyInstance, FastifyRequest } from 'fastify'
import { callerOf } from '../access/gate.ts'
import {
  ApplyAnswer,
  ApplyBody,
  ApplyQuery,
  CatalogAnswer,
  DiffAnswer,
  type Fault,
  ProblemAnswer,
  RouteSummary,
  ServiceSummary,
  SiteSummary,
} from '../api-client/schema.ts'
import type { Plane } from '../plane.ts'
import { type Applied, type ApplyRequest, applyCatalog, tryCatalog } from './apply.ts'

/** 5,000 services at an ordinary length. */
const catalogLimitBytes = 32 * 1024 * 1024

export function catalogApi(app: FastifyInstance, plane: Plane): void {
  const { store, feed, publisher, clock } = plane
  const reading = { access: { kind: 'operator', action: 'catalog.read' } } as const

  app.post<{ Body: ApplyBody; Querystring: ApplyQuery }>(
    '/api/v1/catalog/apply',
    {
      config: { access: { kind: 'operator', action: 'catalog.apply' } },
      bodyLimit: catalogLimitBytes,
      schema: {
        summary: 'Makes the catalog so and publishes it; all or nothing',
        body: ApplyBody,
        querystring: ApplyQuery,
        response: { 200: ApplyAnswer, 422: ProblemAnswer, default: ProblemAnswer },
      },
    },
    async (request): Promise<ApplyAnswer> => {
      const dryRun = request.query.dryRun === 'true'
      const applied = dryRun ? await tryCatalog(store.records, feed, wanted(request.body)) : await apply(request)
      const { structure, changed, warnings, seq } = applied
      if (seq !== undefined) plane.events.tell({ type: 'catalog', structure, changed: copied(changed) }, seq)
      const table = { structure: feed.structure?.number ?? 0, placements: feed.placements?.number ?? 0 }
      return { structure, changed: copied(changed), warnings: faults(warnings), table, dryRun }
    },
  )

  app.post<{ Body: ApplyBody }>(
    '/api/v1/catalog/diff',
    {
      config: { access: { kind: 'operator', action: 'catalog.diff' } },
      bodyLimit: catalogLimitBytes,
      schema: {
        summary: 'What applying would change',
        body: ApplyBody,
        response: { 200: DiffAnswer, 422: ProblemAnswer, default: ProblemAnswer },
      },
    },
    async (request): Promise<DiffAnswer> => {
      const { changed, warnings, diff } = await tryCatalog(store.records, feed, wanted(request.body))
      const services = diff.map(({ service, lines }) => ({ service, lines: [...lines] }))
      return { changed: copied(changed), warnings: faults(warnings), services }
    },
  )

  app.get(
    '/api/v1/catalog',
    { config: reading, schema: { summary: 'The files as they were applied', response: { 200: CatalogAnswer } } },
    async () => ({
      structure: feed.structure?.number ?? 0,
      behind: (await store.records.tables.mark('catalog-behind')) === 1,
      files: await store.records.catalog.files(),
    }),
  )

  app.get(
    '/api/v1/services',
    { config: reading, schema: { summary: 'Services', response: { 200: { type: 'array', items: ServiceSummary } } } },
    async () => {
      const structure = feed.structure?.value
      const routes = Map.groupBy(structure?.routes ?? [], ({ service }) => service)
      return (structure?.services ?? []).map(({ id, team, tier, state, home, deployments }) => {
        return { service: id, team, tier, state, home, routes: routes.get(id)?.length ?? 0, deployments }
      })
    },
  )

  app.get(
    '/api/v1/routes',
    { config: reading, schema: { summary: 'Routes', response: { 200: { type: 'array', items: RouteSummary } } } },
    async () => feed.structure?.value.routes ?? [],
  )

  app.get(
    '/api/v1/sites',
    { config: reading, schema: { summary: 'Sites', response: { 200: { type: 'array', items: SiteSummary } } } },
    async () => feed.structure?.value.sites ?? [],
  )

  function apply(request: FastifyRequest<{ Body: ApplyBody }>): Promise<Applied> {
    const { name: actor, via } = callerOf(request)
    const author = { actor, via, reason: request.body.reason ?? '', at: clock.now(), requestId: request.id }
    return applyCatalog(store.records, feed, publisher, wanted(request.body), author)
  }
}

function wanted({ files, mode = 'whole', allowShrink = false }: ApplyBody): ApplyRequest {
  return { files, mode, allowShrink }
}

function copied({ added, changed, removed }: Applied['changed']): ApplyAnswer['changed'] {
  return { added: [...added], changed: [...changed], removed: [...removed] }
}

function faults(warnings: Applied['warnings']): Fault[] {
  return warnings.map((warning) => ({ ...warning }))
}
