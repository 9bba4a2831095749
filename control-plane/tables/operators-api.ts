import type { FastifyInstance } from 'fastify'
import { callerOf } from '../access/gate.ts'
import {
  AdoptionAnswer,
  AdoptionQuery,
  GatewayParams,
  ListQuery,
  ProblemAnswer,
  TableAnswer,
  TableEntry,
  TableParams,
} from '../api-client/schema.ts'
import { record } from '../audit/chain.ts'
import { problems } from '../errors.ts'
import { gatewaySummary } from '../live/status.ts'
import type { Plane } from '../plane.ts'
import { adoptionNow } from './present-adoption.ts'

const pageLimit = 500
const waitLimitMs = 60_000
const waitersLimit = 200
/** Adoption changes with the gateways' reports, which come once a second. */
const lookMs = 250

/** What operators ask of tables: which there were, and who runs them. */
export function tableOperatorsApi(app: FastifyInstance, plane: Plane): void {
  const { store, feed, clock, members } = plane
  let waiters = 0

  app.get<{ Querystring: ListQuery }>(
    '/api/v1/tables',
    {
      config: { access: { kind: 'operator', action: 'table.read' } },
      schema: {
        summary: 'Placements documents, newest first',
        querystring: ListQuery,
        response: { 200: { type: 'array', items: TableEntry } },
      },
    },
    async ({ query }) => {
      const limit = Math.min(Number(query.limit ?? 100), pageLimit)
      return store.records.tables.list(
        'placements',
        limit,
        query.before === undefined ? undefined : Number(query.before),
      )
    },
  )

  app.get<{ Params: TableParams }>(
    '/api/v1/tables/:n',
    {
      config: { access: { kind: 'operator', action: 'table.read' } },
      schema: {
        summary: 'One of them, with all its placements',
        params: TableParams,
        response: { 200: TableAnswer, default: ProblemAnswer },
      },
    },
    async ({ params }) => {
      const entry = await entryOf(Number(params.n))
      const changes = await store.records.tables.placementsOf(entry.number)
      return { ...entry, placements: changes.map(({ placement }) => placement) }
    },
  )

  app.get<{ Params: TableParams; Querystring: AdoptionQuery }>(
    '/api/v1/tables/:n/adoption',
    {
      config: { access: { kind: 'operator', action: 'table.read' } },
      schema: {
        summary: 'Who runs a table, by evidence of traffic',
        params: TableParams,
        querystring: AdoptionQuery,
        response: { 200: AdoptionAnswer, default: ProblemAnswer },
      },
    },
    async ({ params, query, raw }) => {
      const entry = await entryOf(Number(params.n))
      const now = () => adoptionNow(plane, entry.number, entry.at)
      const until = clock.monotonic() + Math.min(Number.parseInt(query.wait ?? '0', 10) * 1_000, waitLimitMs)
      if (query.wait !== undefined && waiters >= waitersLimit) throw problems['waits-exhausted']()
      waiters++
      try {
        let adoption = now()
        while (!adoption.confirmed && clock.monotonic() < until && !raw.destroyed) {
          await new Promise((resolve) => setTimeout(resolve, lookMs))
          adoption = now()
        }
        return adoption
      } finally {
        waiters--
      }
    },
  )

  app.get(
    '/api/v1/gateways',
    {
      config: { access: { kind: 'operator', action: 'status.read' } },
      schema: { summary: 'Gateway processes' },
    },
    async () => members.all().map(gatewaySummary),
  )

  app.delete<{ Params: GatewayParams }>(
    '/api/v1/gateways/:site/:instance',
    {
      config: { access: { kind: 'operator', action: 'gateway.remove' } },
      schema: {
        summary: 'Removes a process that is known to execute nothing any more',
        params: GatewayParams,
        response: { default: ProblemAnswer },
      },
    },
    async (request, reply) => {
      const { site, instance } = request.params
      const member = members.find(site, instance)
      if (member === undefined) throw problems['instance-unknown']({ site, instance })
      const { name: actor, via } = callerOf(request)
      const removed = { ...member.entry, removed: { at: clock.now(), by: 'operator' as const } }
      await store.write(async ({ gateways, audit }) => {
        await gateways.save(removed)
        await record(audit, {
          at: clock.now(),
          actor,
          via,
          action: 'gateway.remove',
          object: `${site}/${instance}`,
          before: { state: member.state },
          after: null,
          reason: '',
          requestId: request.id,
        })
      })
      members.put(removed)
      return reply.status(204).send()
    },
  )

  async function entryOf(number: number) {
    const entry = await store.records.tables.entry('placements', number)
    if (entry === undefined) throw problems['table-unknown']({ number, newest: feed.placements?.number ?? 0 })
    return entry
  }
}
