import type { FastifyInstance } from 'fastify'
import { nearestName } from '#routes/nearest-name.ts'
import { callerOf } from '../access/gate.ts'
import { InvalidateAnswer, InvalidateBody } from '../api-client/cache-schema.ts'
import { ProblemAnswer } from '../api-client/schema.ts'
import { record } from '../audit/chain.ts'
import { problems } from '../errors.ts'
import type { Keys } from '../keys.ts'
import type { Plane } from '../plane.ts'
import { askToInvalidate } from './ask-gateway.ts'
import { invalidateSites } from './invalidate-sites.ts'
import { answersOf } from './namespace.ts'
import { auditedWords, modeOf, wordsOf } from './words.ts'

/** Invalidations under way: each holds a connection to every site. */
const atOnce = 32

/** What operators and pipelines make of the caches of all sites. */
export function cacheApi(app: FastifyInstance, plane: Plane, keys: Keys): void {
  const { store, members, feed, clock, random } = plane
  let underWay = 0

  app.post<{ Body: InvalidateBody }>(
    '/api/v1/cache/invalidations',
    {
      config: { access: { kind: 'operator', action: 'cache.invalidate' } },
      schema: {
        summary: 'Makes cached answers stale or gone at every site; answered when it is durable at each',
        body: InvalidateBody,
        response: { 200: InvalidateAnswer, default: ProblemAnswer },
      },
    },
    async (request): Promise<InvalidateAnswer> => {
      const { body } = request
      const words = wordsOf(body)
      const namespace = body.namespace ?? answersOf(known(body.service ?? ''))
      const sites = (feed.structure?.value.sites ?? []).map(({ name }) => name)
      if (sites.length === 0) throw problems['no-table']()
      if (underWay >= atOnce) throw problems['changes-exhausted']({ limit: atOnce })
      const { name: actor, via } = callerOf(request)
      const { reason = '' } = words
      underWay++
      try {
        // Before anybody is asked: what was done and not told would be worse than what was told and then failed.
        await store.write(({ audit }) =>
          record(audit, {
            at: clock.now(),
            actor,
            via,
            action: 'cache.invalidate',
            object: body.service ?? namespace,
            before: null,
            after: { namespace, ...auditedWords(words) },
            reason,
            requestId: request.id,
          }),
        )
        const asker = { ring: keys.rings['control-gateway'], clock, random }
        const told = { ...words, reason: `${actor}: ${reason}`.slice(0, 1_000) }
        const outcomes = await invalidateSites(sites, members.all(), ({ entry }) =>
          askToInvalidate({ site: entry.site, url: entry.internalUrl }, namespace, told, asker),
        )
        const refused = outcomes.find(({ outcome }) => outcome === 'refused')
        const show = { sites: outcomes }
        if (refused !== undefined) throw problems['invalidation-refused']({ because: refused.because ?? '', show })
        if (outcomes.every(({ outcome }) => outcome === 'failed')) throw problems['invalidation-failed']({ show })
        const complete = outcomes.every(({ outcome }) => outcome !== 'failed')
        return { namespace, mode: modeOf(words), complete, sites: [...outcomes] }
      } finally {
        underWay--
      }
    },
  )

  function known(service: string): string {
    const services = feed.structure?.value.services.map(({ id }) => id) ?? []
    if (services.includes(service)) return service
    const nearest = nearestName(service, services)
    throw problems['service-unknown']({ service, nearest: nearest === undefined ? '' : `; did you mean ${nearest}?` })
  }
}
