import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Agent } from 'undici'
import { signCall } from '#routes/call.ts'
import { headers } from '#routes/messages.ts'
import type { Access } from '../access/gate.ts'
import { problems } from '../errors.ts'
import type { Keys } from '../keys.ts'
import type { Plane } from '../plane.ts'
import type { Member } from '../tables/members.ts'
import { isOffered } from './gateway-path.ts'

const prefix = '/api/v1/sites/:site/gateway'
const behind = '/gateway/v1'
/** A gateway answers from its memory; only `hops` watches idle connections, for 20 s at most. */
const answerMs = 30_000

/**
 * Carries operators' calls to a gateway's internal API: `/api/v1/sites/{site}/gateway/status` is its `/gateway/v1/status`,
 * of any live process there, or of `?instance=`. The operator's credential stays here; what goes on is signed by us.
 */
export async function gatewayProxy(app: FastifyInstance, plane: Plane, keys: Keys): Promise<void> {
  const reads: Access = { kind: 'operator', action: 'gateway.read' }
  const operates: Access = { kind: 'operator', action: 'gateway.operate' }
  const explains: Access = { kind: 'operator', action: 'request.explain' }
  await app.register(httpProxy, proxyOptions(plane, keys, ['GET'], reads))
  await app.register(httpProxy, proxyOptions(plane, keys, ['POST'], operates))
  // It changes nothing: who may ask the control plane may ask a gateway.
  await app.register(httpProxy, { ...proxyOptions(plane, keys, ['POST'], explains), routes: ['/explain'] })
}

/** Each default of the plugin that is not fit for this is overridden, with what it would do. */
function proxyOptions(
  plane: Plane,
  keys: Keys,
  httpMethods: readonly string[],
  access: Access,
): FastifyHttpProxyOptions & { readonly disableRequestLogging: true } {
  return {
    prefix,
    rewritePrefix: behind,
    upstream: '',
    httpMethods: [...httpMethods],
    config: { access },
    // Default: no check of certificates. A dispatcher of our own verifies, waits shorter, and follows nothing.
    undici: new Agent({
      connections: 8,
      pipelining: 1,
      headersTimeout: answerMs,
      bodyTimeout: answerMs,
      connect: { timeout: 1_000, rejectUnauthorized: true, minVersion: 'TLSv1.2' },
    }),
    destroyAgent: true,
    // Default: bodies stream through. A signature covers all of one, so it is read first, within the listener's limit.
    proxyPayloads: false,
    disableCache: true,
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    replyOptions: {
      getUpstream: (request) => memberFor(request as Asked, plane).entry.internalUrl,
      // Default: ten more tries for a GET that gets 503, with seconds read as milliseconds.
      retryDelay: () => null,
      retriesCount: 0,
      // Default: Connection, Keep-Alive and whatever else the answer bears goes on.
      rewriteHeaders: (fields) => ({
        ...('content-type' in fields ? { 'content-type': fields['content-type'] } : {}),
        ...('content-length' in fields ? { 'content-length': fields['content-length'] } : {}),
      }),
      // Default: 500 with the address that could not be reached.
      onError: (reply, { error }) => void reply.send(problems['gateway-unreachable']({ cause: error })),
    },
    // Read first: what the plugin would normalise on the way is refused before it sees it.
    preHandler: async (request) => {
      const path = request.url.slice(`/api/v1/sites/${siteOf(request)}/gateway`.length)
      if (!request.url.startsWith(`/api/v1/sites/${siteOf(request)}/gateway/`) || !isOffered(path))
        throw problems['gateway-path-unknown']()
    },
    handler: async (request, reply, dest, options) => {
      const at = request.url.indexOf('?')
      const target = at < 0 ? dest : dest + request.url.slice(at)
      const body = request.method === 'POST' && request.body !== null ? JSON.stringify(request.body) : undefined
      const audience = `gateway:${siteOf(request)}`
      const call = { method: request.method, target, body: Buffer.from(body ?? ''), audience }
      const signature = await signCall(call, keys.rings['control-gateway'], plane.clock.now(), plane.random.id())
      return reply.from(dest, {
        ...options,
        ...(body === undefined ? {} : { body: request.body }),
        // Default: all of the operator's fields, with his credential.
        rewriteRequestHeaders: (_, fields) => ({
          host: fields['host'],
          accept: 'application/json',
          [headers.requestId]: request.id,
          [headers.call]: signature,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
        }),
      })
    },
  }
}

type Asked = Pick<FastifyRequest, 'params' | 'query'>

function siteOf({ params }: Asked): string {
  return (params as { site: string }).site
}

/** The process that was asked for; else one that is live, or at least not gone: one in trouble can still tell of it. */
function memberFor(request: Asked, { members }: Plane): Member {
  const site = siteOf(request)
  const { instance } = request.query as { instance?: unknown }
  const there = members.all().filter(({ entry, state }) => entry.site === site && state !== 'gone')
  const member =
    instance === undefined
      ? (there.find(({ state }) => state === 'live') ?? there[0])
      : there.find(({ entry }) => entry.instance === instance)
  if (member !== undefined) return member
  throw problems['gateway-away']({ site, instance: instance === undefined ? 'any process' : String(instance) })
}
