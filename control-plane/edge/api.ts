import type { FastifyInstance, FastifyRequest } from 'fastify'
import { callerOf } from '../access/gate.ts'
import {
  type EdgePublication,
  EdgeVersionsAnswer,
  PublishAnswer,
  PublishBody,
} from '../api-client/cloudflare-schema.ts'
import { ProblemAnswer } from '../api-client/schema.ts'
import { problems } from '../errors.ts'
import type { Plane } from '../plane.ts'
import type { Publication } from './publication.ts'
import type { PublicationAuthor } from './script-publisher.ts'

const toldAtMost = 50

/** Versions of the script on Cloudflare: what there is, a new one, and the way back. */
export function edgePublishingApi(
  app: FastifyInstance,
  { store, publishing }: Pick<Plane, 'store' | 'publishing'>,
): void {
  app.get(
    '/api/v1/edge/versions',
    {
      config: { access: { kind: 'operator', action: 'edge.read' } },
      schema: {
        summary: 'What is deployed on Cloudflare, and how it came there',
        response: { 200: EdgeVersionsAnswer, default: ProblemAnswer },
      },
    },
    async (): Promise<EdgeVersionsAnswer> => {
      const channels = present()
      const [deployed, publications] = await Promise.all([
        channels.deployment(),
        store.records.publications.list(toldAtMost),
      ])
      return {
        script: channels.scriptName,
        status: channels.status,
        ...(deployed.kind === 'done' ? { deployed: [...deployed.result] } : { because: deployed.because }),
        publications: publications.map(told),
      }
    },
  )

  app.post<{ Body: PublishBody }>(
    '/api/v1/edge/publish',
    {
      config: { access: { kind: 'operator', action: 'edge.publish' } },
      schema: {
        summary: 'Publishes the newest table as a version of the script; answered when it is built and begun',
        body: PublishBody,
        response: { 200: PublishAnswer, default: ProblemAnswer },
      },
    },
    async (request): Promise<PublishAnswer> => {
      const publication = await present().publish(authorOf(request))
      return publication === undefined ? { changed: false } : { changed: true, publication: told(publication) }
    },
  )

  app.post<{ Body: PublishBody }>(
    '/api/v1/edge/rollback',
    {
      config: { access: { kind: 'operator', action: 'edge.rollback' } },
      schema: {
        summary: 'Deploys what there was before the newest publication',
        body: PublishBody,
        response: { 200: PublishAnswer, default: ProblemAnswer },
      },
    },
    async (request): Promise<PublishAnswer> => {
      return { changed: true, publication: told(await present().script.rollback(authorOf(request))) }
    },
  )

  function present() {
    if (publishing === undefined) throw problems['edge-publishing-off']()
    return publishing
  }
}

function authorOf(request: FastifyRequest<{ Body: PublishBody }>): PublicationAuthor {
  const { name: actor, via } = callerOf(request)
  return { actor, via, reason: request.body.reason, requestId: request.id }
}

function told({ id: _, content, ...publication }: Publication): EdgePublication {
  return { ...publication, structure: content.structure, placements: content.placements }
}
