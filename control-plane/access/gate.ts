import type { FastifyInstance, FastifyRequest } from 'fastify'
import { checkCall } from '#routes/call.ts'
import { readFields } from '#routes/fields.ts'
import { headers } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Via } from '../audit/entry.ts'
import { problems } from '../errors.ts'
import { type Action, type Actor, can } from './can.ts'
import { sameSiteFault } from './same-site.ts'
import type { SeenCalls } from './seen-calls.ts'
import type { Sessions } from './session.ts'
import { bearerOf, type TokenBook } from './token.ts'

/** Who may call an endpoint. `once`: a signed call that must not be repeated, since it adds to something. */
export type Access =
  | { readonly kind: 'open'; readonly because: string }
  | { readonly kind: 'operator'; readonly action: Action }
  | { readonly kind: 'program'; readonly purpose: 'control-gateway' | 'edge-control'; readonly once?: true }

/** An operator as an endpoint sees it. */
export interface Caller extends Actor {
  readonly via: Via
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyRequest {
    /** Set on endpoints of operators. */
    caller: Caller | null
    /** The same: whether its credential would be let in now. What is open for long asks again. */
    stillAdmitted: (() => boolean) | null
    /** Exact bytes of the body; signatures are over these. */
    rawBody: Buffer | null
  }
}

export interface GateOptions {
  readonly tokens: TokenBook
  readonly sessions: Sessions
  readonly rings: { readonly 'control-gateway': KeyRing; readonly 'edge-control': KeyRing }
  readonly seenCalls: SeenCalls
  readonly clock: Clock
  /** Filled once the listener is bound. */
  readonly ownHosts: () => ReadonlySet<string>
  readonly cookieName: string
}

/** Closes every endpoint of `app` that is added after this: one that does not say who may call it fails the start. */
export function installGate(app: FastifyInstance, options: GateOptions): void {
  app.decorateRequest('caller', null)
  app.decorateRequest('stillAdmitted', null)
  app.decorateRequest('rawBody', null)

  app.addHook('onRoute', ({ method, path, config }) => {
    if (config?.access === undefined) throw problems['access-undeclared']({ method: String(method), path })
  })

  // Before a byte of the body is read.
  app.addHook('onRequest', async (request) => {
    const access = request.routeOptions.config.access
    if (access?.kind === 'operator') {
      request.caller = admit(options, request, access.action)
      request.stillAdmitted = () => isAdmitted(options, request, access.action)
    }
    if (access?.kind === 'program' && request.headers[headers.call] === undefined)
      throw problems['credential-missing']()
  })

  // The signature covers the body, so it can only be checked when that is there.
  app.addHook('preValidation', async (request) => {
    const access = request.routeOptions.config.access
    if (access?.kind === 'program') await verifyCall(options, request, access)
  })
}

/** The caller of an operator's endpoint. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw problems['credential-missing']()
  return request.caller
}

function admit(options: GateOptions, request: FastifyRequest, action: Action): Caller {
  const caller = identify(options, request)
  const permission = can(caller, action, objectOf(request))
  if (permission.allowed) return caller
  const { because, scope } = permission
  throw problems['action-not-allowed']({ actor: caller.name, action, because, scope })
}

function isAdmitted(options: GateOptions, request: FastifyRequest, action: Action): boolean {
  try {
    admit(options, request, action)
    return true
  } catch {
    // Revoked, expired or narrowed since: why is of no use to a stream that is only closed.
    return false
  }
}

function identify(options: GateOptions, request: FastifyRequest): Caller {
  const authorization = request.headers.authorization
  if (authorization !== undefined) {
    const token = bearerOf(authorization)
    const actor = token === undefined ? undefined : options.tokens.find(token)
    if (actor === undefined) throw problems['credential-unknown']()
    return { ...actor, via: 'api' }
  }
  const session = request.cookies[options.cookieName]
  if (session === undefined) throw problems['credential-missing']()
  const { method } = request
  const { host, origin } = request.headers
  const fault = sameSiteFault({ method, host, origin }, options.ownHosts())
  if (fault === 'host-foreign') throw problems['host-foreign']({ host: host ?? '' })
  if (fault === 'origin-foreign') throw problems['origin-foreign']()
  const actor = options.sessions.find(session)
  if (actor === undefined) throw problems['credential-unknown']()
  return { ...actor, via: 'console' }
}

async function verifyCall(
  options: GateOptions,
  request: FastifyRequest,
  access: Access & { kind: 'program' },
): Promise<void> {
  const { method, url: target } = request
  const header = request.headers[headers.call]
  const value = typeof header === 'string' ? header : undefined
  const body = request.rawBody ?? new Uint8Array()
  const call = { method, target, body, audience: 'control-plane' }
  const verdict = await checkCall(value, call, options.rings[access.purpose], options.clock.now())
  if (verdict !== 'valid') throw problems['call-refused']({ verdict })
  const mac = readFields(value ?? '')?.mac ?? ''
  if (access.once && !options.seenCalls.first(mac)) throw problems['call-replayed']()
}

/** What the path names: a unit, a token's id, ... */
function objectOf(request: FastifyRequest): string {
  return Object.values((request.params ?? {}) as Record<string, string>).join('/')
}
