import type { FastifyInstance } from 'fastify'
import type { Epoch } from '#routes/vocabulary.ts'
import { callerOf } from '../access/gate.ts'
import {
  ChangeAnswer,
  EndQuery,
  FailoverBody,
  FlipBody,
  ProblemAnswer,
  RollbackBody,
  ShadowBody,
  UnitAnswer,
  UnitParams,
  UnitSummary,
} from '../api-client/schema.ts'
import { unitsOf } from '../catalog/plan.ts'
import { problems } from '../errors.ts'
import type { Plane } from '../plane.ts'
import type { PlacementChange } from '../tables/table-store.ts'
import {
  type ChangedUnit,
  endFailoverOfUnit,
  endShadowOfUnit,
  failoverUnit,
  flipUnit,
  rollbackUnit,
  shadowUnit,
  type UnitAuthor,
  unknownUnit,
} from './change-unit.ts'

/** How long an answer waits for gateways; a placement is in force at each as soon as it acknowledges. */
const acknowledgeMs = 2_000
const historyLimit = 50

export function movesApi(app: FastifyInstance, plane: Plane): void {
  const { store, clock } = plane

  app.get(
    '/api/v1/units',
    {
      config: { access: { kind: 'operator', action: 'unit.read' } },
      schema: { summary: 'All units with their placements', response: { 200: { type: 'array', items: UnitSummary } } },
    },
    async () => {
      const services = unitsOf(plane.feed.structure?.value)
      return (await store.records.tables.placements()).map((change) => summary(plane, services, change))
    },
  )

  app.get<{ Params: UnitParams }>(
    '/api/v1/units/:unit',
    {
      config: { access: { kind: 'operator', action: 'unit.read' } },
      schema: {
        summary: 'One unit and its history',
        params: UnitParams,
        response: { 200: UnitAnswer, default: ProblemAnswer },
      },
    },
    async (request, reply) => {
      const { unit } = request.params
      const current = await store.records.tables.placement(unit)
      if (current === undefined) throw await unknownUnit(store.records, unit)
      const history = (await store.records.tables.history(unit, historyLimit)).map(told)
      reply.header('etag', `"${current.placement.epoch}"`)
      return { ...summary(plane, unitsOf(plane.feed.structure?.value), current), history }
    },
  )

  app.post<{ Params: UnitParams; Body: FlipBody }>(
    '/api/v1/units/:unit/flip',
    {
      config: { access: { kind: 'operator', action: 'unit.flip' } },
      schema: {
        summary: 'Sets the split of a unit at once; needs If-Match with its epoch',
        params: UnitParams,
        body: FlipBody,
        response: { 200: ChangeAnswer, default: ProblemAnswer },
      },
    },
    async (request) => {
      const { unit } = request.params
      const { to, reads, writes, reason } = request.body
      const seen = await requiredEpoch(unit, request.headers['if-match'])
      const shares = { ...(reads === undefined ? {} : { reads }), ...(writes === undefined ? {} : { writes }) }
      return settle(unit, await flipUnit(plane, unit, { to, ...shares }, author(request, reason, seen)))
    },
  )

  app.post<{ Params: UnitParams; Body: RollbackBody }>(
    '/api/v1/units/:unit/rollback',
    {
      config: { access: { kind: 'operator', action: 'unit.rollback' } },
      // A bare `curl -X POST` has to do at three in the morning.
      preValidation: async (request) => {
        request.body ??= {}
      },
      schema: {
        summary: 'Takes the newest move of a unit back',
        params: UnitParams,
        body: RollbackBody,
        response: { 200: ChangeAnswer, default: ProblemAnswer },
      },
    },
    async (request) => {
      const { unit } = request.params
      const seen = epochIn(request.headers['if-match'])
      const reason = request.body.reason ?? 'rolled back'
      return settle(unit, await rollbackUnit(plane, unit, author(request, reason, seen === '*' ? undefined : seen)))
    },
  )

  beside<ShadowBody>('shadow', ShadowBody, {
    begin: 'Has safe requests copied to another site',
    end: 'Ends the copies of a unit',
    change: (unit, { reason: _, ...copies }, by) => shadowUnit(plane, unit, copies, by),
    undo: (unit, by) => endShadowOfUnit(plane, unit, by),
  })
  beside<FailoverBody>('failover', FailoverBody, {
    begin: 'Lets edges send a safe request once more, to another site, when its own gives no answer',
    end: 'Ends the failover of a unit',
    change: (unit, { to }, by) => failoverUnit(plane, unit, to, by),
    undo: (unit, by) => endFailoverOfUnit(plane, unit, by),
  })

  /** What goes on beside a unit's split: PUT begins or changes it, DELETE ends it. */
  function beside<Body extends { readonly reason: string }>(
    name: 'shadow' | 'failover',
    body: typeof ShadowBody | typeof FailoverBody,
    how: {
      readonly begin: string
      readonly end: string
      readonly change: (unit: string, body: Body, by: UnitAuthor) => Promise<ChangedUnit>
      readonly undo: (unit: string, by: UnitAuthor) => Promise<ChangedUnit>
    },
  ): void {
    const config = { access: { kind: 'operator', action: `unit.${name}` } } as const
    const response = { 200: ChangeAnswer, default: ProblemAnswer }
    app.put<{ Params: UnitParams }>(
      `/api/v1/units/:unit/${name}`,
      {
        config,
        schema: {
          summary: `${how.begin}; needs If-Match with the epoch of the unit`,
          params: UnitParams,
          body,
          response,
        },
      },
      async (request) => {
        const { unit } = request.params
        // As the schema has checked.
        const asked = request.body as Body
        const seen = await requiredEpoch(unit, request.headers['if-match'])
        return settle(unit, await how.change(unit, asked, author(request, asked.reason, seen)))
      },
    )
    app.delete<{ Params: UnitParams; Querystring: EndQuery }>(
      `/api/v1/units/:unit/${name}`,
      {
        config,
        // The reason stands in the query: content of a DELETE may be dropped on its way (RFC 9110 9.3.5).
        schema: {
          summary: `${how.end}; needs If-Match with its epoch`,
          params: UnitParams,
          querystring: EndQuery,
          response,
        },
      },
      async (request) => {
        const { unit } = request.params
        const seen = await requiredEpoch(unit, request.headers['if-match'])
        return settle(unit, await how.undo(unit, author(request, request.query.reason, seen)))
      },
    )
  }

  function author(request: Parameters<typeof callerOf>[0], reason: string, seen: Epoch | undefined): UnitAuthor {
    const { name: actor, via } = callerOf(request)
    return { actor, via, reason, requestId: request.id, at: clock.now(), seen }
  }

  async function requiredEpoch(unit: string, header: string | undefined): Promise<Epoch | undefined> {
    const seen = epochIn(header)
    if (seen === '*') return undefined
    if (seen !== undefined) return seen
    const current = await store.records.tables.placement(unit)
    if (current === undefined) throw await unknownUnit(store.records, unit)
    throw problems['precondition-required']({ unit, epoch: current.placement.epoch })
  }

  /** Tells consoles, and answers when the gateways run it. */
  async function settle(unit: string, change: ChangedUnit): Promise<ChangeAnswer> {
    const { placement, table, changed, undo, ended, seq } = change
    if (changed) {
      const { author: actor = '', reason = '', at = 0 } = change.published.placements?.value ?? {}
      plane.events.tell({ type: 'unit', placement: { ...placement, key: [...placement.key] }, actor, reason, at }, seq)
    }
    const { gateways, waiting } = await plane.members.acknowledged(table, acknowledgeMs)
    return {
      unit,
      epoch: placement.epoch,
      placement: { ...placement, key: [...placement.key] },
      table,
      changed,
      undo,
      ...(ended && { ended }),
      gateways: [...gateways],
      waiting: [...waiting],
    }
  }
}

function summary(
  { feed, traffic }: Plane,
  services: ReadonlyMap<string, string>,
  change: PlacementChange,
): UnitSummary {
  const { placement, returnsTo } = change
  const service = services.get(placement.unit)
  const team = feed.structure?.value.services.find(({ id }) => id === service)?.team
  const { placement: _, ...changed } = told(change)
  return {
    unit: placement.unit,
    ...(service === undefined ? {} : { service }),
    ...(team === undefined ? {} : { team }),
    placement: { ...placement, key: [...placement.key] },
    changed,
    ...(returnsTo === undefined ? {} : { returnsTo }),
    traffic: [...traffic.of(placement.unit)],
  }
}

function told({ placement, how, actor, reason, at, number }: PlacementChange) {
  return { placement: { ...placement, key: [...placement.key] }, how, actor, reason, at, placements: number }
}

/** `"7"`, `7` or `*`; a weak tag is taken too, since proxies weaken tags. */
function epochIn(header: string | undefined): Epoch | '*' | undefined {
  if (header === undefined) return undefined
  if (header.trim() === '*') return '*'
  const match = /^(?:W\/)?"?(\d{1,15})"?$/.exec(header.trim())
  if (match?.[1] === undefined) throw problems['precondition-invalid']({ value: header.slice(0, 40) })
  return Number(match[1])
}
