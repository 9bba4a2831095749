import type { FastifyInstance } from 'fastify'
import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'
import {
  LinkAnswer,
  LoginQuery,
  TokenBody,
  TokenCreated,
  TokenParams,
  TokenSummary,
} from '../api-client/access-schema.ts'
import { ProblemAnswer } from '../api-client/schema.ts'
import { record } from '../audit/chain.ts'
import type { AuditFacts } from '../audit/entry.ts'
import { problems } from '../errors.ts'
import type { Store } from '../records.ts'
import type { TokenEntry } from './access-store.ts'
import { widerThan } from './can.ts'
import { type Caller, callerOf } from './gate.ts'
import { sameSiteFault } from './same-site.ts'
import { type LoginLinks, newSession, type Sessions } from './session.ts'
import { hashToken, newToken, type TokenBook } from './token.ts'

export interface AccessApiOptions {
  readonly store: Store
  readonly tokens: TokenBook
  readonly sessions: Sessions
  readonly links: LoginLinks
  readonly clock: Clock
  readonly random: Random
  readonly publicUrl: () => string
  readonly ownHosts: () => ReadonlySet<string>
  readonly cookieName: string
}

const dayMs = 24 * 3_600_000
const longestMs = 365 * dayMs

export function accessApi(app: FastifyInstance, options: AccessApiOptions): void {
  const { store, tokens, sessions, links, clock, random, cookieName } = options

  app.post<{ Body: TokenBody }>(
    '/api/v1/tokens',
    {
      config: { access: { kind: 'operator', action: 'token.create' } },
      schema: {
        summary: 'A new token; it is shown this once',
        body: TokenBody,
        response: { 201: TokenCreated, default: ProblemAnswer },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { name, scopes, expiresIn = '90d' } = request.body
      const wider = widerThan(caller, scopes)
      if (wider.length > 0) throw problems['token-too-wide']({ scopes: wider.join(', ') })
      const token = newToken(random)
      const now = clock.now()
      const expiresAt = now + Math.min(durationMs(expiresIn), longestMs)
      const entry: TokenEntry = {
        id: random.id(),
        name,
        sha256: hashToken(token),
        scopes: [...new Set(scopes)],
        createdBy: caller.name,
        createdAt: now,
        expiresAt,
      }
      await store.write(async ({ access, audit }) => {
        await access.saveToken(entry)
        await record(audit, facts(caller, request.id, 'token.create', entry.id, { name, scopes, sha256: entry.sha256 }))
      })
      tokens.put(entry)
      return reply.status(201).send({ ...summary(entry), token })
    },
  )

  app.get(
    '/api/v1/tokens',
    {
      config: { access: { kind: 'operator', action: 'token.read' } },
      schema: {
        summary: 'All tokens, without their secrets',
        response: { 200: { type: 'array', items: TokenSummary } },
      },
    },
    async () => tokens.all().map(summary),
  )

  app.delete<{ Params: TokenParams }>(
    '/api/v1/tokens/:id',
    {
      config: { access: { kind: 'operator', action: 'token.revoke' } },
      schema: {
        summary: 'Revokes a token; it is refused from now on',
        params: TokenParams,
        response: { default: ProblemAnswer },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const entry = tokens.byId(id)
      if (entry === undefined) throw problems['token-unknown']({ id })
      const revoked = { ...entry, revokedAt: entry.revokedAt ?? clock.now() }
      await store.write(async ({ access, audit }) => {
        await access.saveToken(revoked)
        await record(audit, facts(callerOf(request), request.id, 'token.revoke', id, { name: entry.name }))
      })
      tokens.put(revoked)
      return reply.status(204).send()
    },
  )

  app.post(
    '/api/v1/login-links',
    {
      config: { access: { kind: 'operator', action: 'link.create' } },
      schema: { summary: 'A link that opens the console once', response: { 200: LinkAnswer } },
    },
    async (request) => {
      const { name, scopes } = callerOf(request)
      const url = new URL('/login', options.publicUrl())
      url.searchParams.set('link', links.create({ name, scopes }))
      return { url: url.href, expiresInSeconds: 3_600 }
    },
  )

  app.get<{ Querystring: LoginQuery }>(
    '/login',
    {
      config: { access: { kind: 'open', because: 'the link is the credential' } },
      schema: { summary: 'Exchanges a one-time link for a session', querystring: LoginQuery },
    },
    async (request, reply) => {
      const { method } = request
      const { host, origin } = request.headers
      if (sameSiteFault({ method, host, origin }, options.ownHosts()) !== undefined) {
        throw problems['host-foreign']({ host: host ?? '' })
      }
      const actor = links.redeem(request.query.link)
      if (actor === undefined) throw problems['link-spent']()
      const now = clock.now()
      const { id, entry } = newSession(actor, random, now)
      await store.write(async ({ access, audit }) => {
        await access.forgetExpired(now)
        await access.saveSession(entry)
        await record(
          audit,
          facts({ ...actor, via: 'console' }, request.id, 'session.begin', actor.name, { sha256: entry.sha256 }),
        )
      })
      sessions.put(entry)
      return reply
        .setCookie(cookieName, id, {
          path: '/',
          httpOnly: true,
          sameSite: 'strict',
          secure: cookieName.startsWith('__Host-'),
          maxAge: Math.floor((entry.expiresAt - now) / 1_000),
        })
        .header('cache-control', 'no-store')
        .header('referrer-policy', 'no-referrer')
        .redirect('/', 303)
    },
  )

  function facts(caller: Caller, requestId: string, action: string, object: string, after: unknown): AuditFacts {
    return {
      at: clock.now(),
      actor: caller.name,
      via: caller.via,
      action,
      object,
      before: null,
      after,
      reason: '',
      requestId,
    }
  }
}

function summary({ sha256: _, scopes, ...rest }: TokenEntry): TokenSummary {
  return { ...rest, scopes: [...scopes] }
}

function durationMs(text: string): number {
  return Number.parseInt(text, 10) * (text.endsWith('d') ? dayMs : 3_600_000)
}
