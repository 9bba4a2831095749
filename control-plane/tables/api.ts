import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Acknowledgement, Counters, GatewayRegistration, RegistrationAnswer } from '#routes/messages.ts'
import { nearestName } from '#routes/nearest-name.ts'
import type { Site } from '#routes/vocabulary.ts'
import { GatewayParams, ProblemAnswer } from '../api-client/schema.ts'
import { problems } from '../errors.ts'
import { EventStream } from '../live/event-stream.ts'
import { gatewaySummary } from '../live/status.ts'
import type { Plane } from '../plane.ts'
import { answerPoll } from './edge-poll-channel.ts'
import { offerTables } from './gateway-channel.ts'
import type { GatewayEntry } from './gateway-store.ts'
import type { Member } from './members.ts'
import {
  AcknowledgementBody,
  CountersBody,
  EdgeTableQuery,
  RegistrationAnswer as RegistrationAnswerSchema,
  RegistrationBody,
} from './program-schema.ts'
import { writerIdFor, writerLimit } from './writer-id.ts'

const pingMs = 5_000
type GatewayRequest = FastifyRequest<{ Params: GatewayParams }>

/** What programs call: gateways register, read tables, acknowledge and count; edges poll. */
export function tableProgramsApi(app: FastifyInstance, plane: Plane): void {
  const { store, members, feed, clock } = plane
  const ofGateways = { access: { kind: 'program', purpose: 'control-gateway' } } as const
  const path = '/api/v1/sites/:site/gateways/:instance'

  app.put<{ Params: GatewayParams; Body: GatewayRegistration }>(
    path,
    {
      config: ofGateways,
      schema: {
        summary: 'A gateway process is there',
        params: GatewayParams,
        body: RegistrationBody,
        response: { 200: RegistrationAnswerSchema, default: ProblemAnswer },
      },
    },
    async (request): Promise<RegistrationAnswer> => {
      const { site, instance } = request.params
      checkSite(site)
      const entry = await register(site, instance, request.body)
      members.put(entry, request.body.held)
      tell(site, instance)
      learnFrom(request, request.body)
      return { writerId: entry.writerId }
    },
  )

  app.get<{ Params: GatewayParams }>(
    `${path}/table`,
    {
      config: ofGateways,
      schema: { summary: 'Tables as they are published (server-sent events)', params: GatewayParams },
    },
    (request, reply) => {
      const { site, instance } = present(request).entry
      const stream = new EventStream(reply, pingMs)
      members.stream(site, instance, 1)
      stream.onClose(() => {
        members.stream(site, instance, -1)
        tell(site, instance)
      })
      streams.add(stream)
      stream.onClose(() => streams.delete(stream))
      offerTables(feed, stream)
      tell(site, instance)
    },
  )

  app.post<{ Params: GatewayParams; Body: Acknowledgement }>(
    `${path}/acknowledgement`,
    {
      config: ofGateways,
      schema: { summary: 'What a gateway process runs', params: GatewayParams, body: AcknowledgementBody },
    },
    async (request, reply) => {
      const { entry } = present(request)
      const { held, refusals } = request.body
      members.hold(entry.site, entry.instance, held, refusals)
      tell(entry.site, entry.instance)
      learnFrom(request, { internalUrl: entry.internalUrl, held })
      return reply.status(204).send()
    },
  )

  app.post<{ Params: GatewayParams; Body: Counters }>(
    `${path}/counters`,
    {
      // Rows add up: the same report twice would count the same requests twice.
      config: { access: { kind: 'program', purpose: 'control-gateway', once: true } },
      bodyLimit: 4 * 1024 * 1024,
      schema: { summary: 'What a gateway process counted', params: GatewayParams, body: CountersBody },
    },
    async (request, reply) => {
      const { entry } = present(request)
      const { at, adoption, traffic, marks, debt } = request.body
      members.heard(entry.site, entry.instance, debt)
      plane.sightings.note(adoption, clock.now() - at)
      plane.traffic.note(entry.site, traffic)
      plane.edgeEvidence.note(traffic, marks)
      return reply.status(204).send()
    },
  )

  app.delete<{ Params: GatewayParams }>(
    path,
    { config: ofGateways, schema: { summary: 'A gateway process has left', params: GatewayParams } },
    async (request, reply) => {
      const { entry } = present(request)
      const removed = { ...entry, removed: { at: clock.now(), by: 'itself' as const } }
      await store.write(({ gateways }) => gateways.save(removed))
      members.put(removed)
      tell(entry.site, entry.instance)
      return reply.status(204).send()
    },
  )

  app.get<{ Querystring: EdgeTableQuery }>(
    '/api/v1/edge/table',
    {
      config: { access: { kind: 'program', purpose: 'edge-control' } },
      schema: { summary: 'The table, for an edge that holds these numbers', querystring: EdgeTableQuery },
    },
    (request, reply) => {
      const ifNoneMatch = request.headers['if-none-match']
      const answer = answerPoll(plane.edgeFeed, { structure: Number(request.query.structure ?? 0), ifNoneMatch })
      reply.header('etag', answer.etag).header('cache-control', 'no-store')
      if (answer.status === 304) return reply.status(304).send()
      return reply.send(answer.offer)
    },
  )

  // Streams are open for ever: at the end they are closed, or the listener would wait for them.
  const streams = new Set<EventStream>()
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.end()
  })

  /** Serialised by the store: two processes that come at once do not get one writer number. */
  function register(site: Site, instance: string, body: GatewayRegistration): Promise<GatewayEntry> {
    return store.write(async ({ gateways }) => {
      const now = clock.now()
      const entries = await gateways.all()
      const former = entries.find((entry) => entry.site === site && entry.instance === instance)
      const { internalUrl, startedAt, version } = body
      // A start later than the removal is another process under a configured id, not the one that left.
      if (former?.removed !== undefined && former.removed.by !== 'silence' && startedAt <= former.removed.at) {
        throw problems['instance-removed']({ site, instance })
      }
      const writerId = writerIdFor(site, instance, entries)
      if (writerId === undefined) throw problems['writers-exhausted']({ limit: writerLimit })
      const entry = { site, instance, internalUrl, startedAt, version, writerId, registeredAt: now }
      await gateways.save(entry)
      return entry
    })
  }

  function checkSite(site: Site): void {
    const sites = feed.structure?.value.sites.map(({ name }) => name)
    // Before the first catalog nothing can be said of names.
    if (sites === undefined || sites.includes(site)) return
    const nearest = nearestName(site, sites)
    throw problems['site-unknown']({ site, nearest: nearest === undefined ? '' : `; did you mean ${nearest}?` })
  }

  function present(request: GatewayRequest): Member {
    const { site, instance } = request.params
    const member = members.find(site, instance)
    if (member === undefined) throw problems['instance-unknown']({ site, instance })
    if (member.entry.removed !== undefined) throw problems['instance-removed']({ site, instance })
    return member
  }

  function tell(site: Site, instance: string): void {
    const member = members.find(site, instance)
    if (member !== undefined) plane.events.tell({ type: 'gateway', gateway: gatewaySummary(member) })
  }

  function learnFrom(
    request: GatewayRequest,
    { internalUrl, held }: Pick<GatewayRegistration, 'internalUrl' | 'held'>,
  ): void {
    if (held === undefined || !plane.fleet.isBeyond(held)) return
    const address = { site: request.params.site, url: internalUrl }
    plane.background.run('recover from a gateway', () => plane.fleet.recoverFrom(address, held))
  }
}
