import type { FastifyInstance } from 'fastify'
import { nearestName } from '#routes/nearest-name.ts'
import { type Caller, callerOf } from '../access/gate.ts'
import { EchoWordsAnswer, EchoWordsBody, ForceAnswer, ForceBody, StatusCallAnswer } from '../api-client/edge-schema.ts'
import { ProblemAnswer } from '../api-client/schema.ts'
import { record } from '../audit/chain.ts'
import { problems } from '../errors.ts'
import type { Keys } from '../keys.ts'
import type { Plane } from '../plane.ts'
import { echoWords, forceMs, forceWord, statusCall } from './words.ts'

/** Signed words for testers and for doctor. What is signed never stands in the audit: whoever reads it could use it. */
export function edgeWordsApi(app: FastifyInstance, { store, feed, clock, random }: Plane, { rings }: Keys): void {
  app.post<{ Body: ForceBody }>(
    '/api/v1/edge/force',
    {
      config: { access: { kind: 'operator', action: 'edge.force' } },
      schema: {
        summary: 'A word by which the reads of one tester go to a site, for at most a day',
        body: ForceBody,
        response: { 200: ForceAnswer, default: ProblemAnswer },
      },
    },
    async (request) => {
      const { site, for: time, reason } = request.body
      const expiresAt = clock.now() + forceMs(time)
      const sites = (feed.structure?.value.sites ?? []).map(({ name }) => name)
      if (!sites.includes(site)) throw unknownSite(site, sites)
      const word = await forceWord(site, expiresAt, rings['edge-control'])
      await told(callerOf(request), request.id, 'edge.force', site, { expiresAt: word.expiresAt }, reason)
      return word
    },
  )

  app.post<{ Body: EchoWordsBody }>(
    '/api/v1/edge/echo-words',
    {
      config: { access: { kind: 'operator', action: 'edge.echo' } },
      schema: {
        summary: 'Words by which gateways tell what arrives at them; for doctor, valid for five minutes',
        body: EchoWordsBody,
        response: { 200: EchoWordsAnswer, default: ProblemAnswer },
      },
    },
    async (request) => {
      const { behaviours } = request.body
      const answer = await echoWords(behaviours, random.id, rings['control-gateway'], clock.now())
      const after = { behaviours, expiresAt: answer.expiresAt }
      await told(callerOf(request), request.id, 'edge.echo', 'gateways', after, '')
      return answer
    },
  )

  app.post(
    '/api/v1/edge/status-call',
    {
      config: { access: { kind: 'operator', action: 'status.read' } },
      schema: {
        summary: 'A signed call that edges answer with their status, for a minute',
        response: { 200: StatusCallAnswer },
      },
    },
    () => statusCall(random.id(), rings['edge-control'], clock.now()),
  )

  async function told(
    { name: actor, via }: Caller,
    requestId: string,
    action: string,
    object: string,
    after: unknown,
    reason: string,
  ): Promise<void> {
    await store.write(({ audit }) =>
      record(audit, { at: clock.now(), actor, via, action, object, before: null, after, reason, requestId }),
    )
  }
}

function unknownSite(site: string, sites: readonly string[]) {
  const nearest = nearestName(site, sites)
  return problems['site-unknown']({ site, nearest: nearest === undefined ? '' : `; did you mean ${nearest}?` })
}
