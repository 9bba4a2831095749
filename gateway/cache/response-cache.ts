import { Problem } from '#routes/problem.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { type Answer, isStream } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Onward, Phase } from '../phase.ts'
import { problemAnswer } from '../pipeline.ts'
import { answerAsItComes, answerFromEntry, withoutHidden } from './answer-from-entry.ts'
import { type Asked, askedOf, type OwnCommon } from './asked.ts'
import { bypassOf } from './bypass.ts'
import type { CacheMetrics, Reason, Result } from './cache-metrics.ts'
import type { RouteRules } from './cache-rules.ts'
import { CachedRoutes } from './cached-routes.ts'
import { drained } from './drained.ts'
import type { EntryStore } from './entry-store.ts'
import type { FailedValidations } from './failed-validations.ts'
import type { Found, FoundEntry } from './found.ts'
import type { JoinedFetch } from './joined-fetch.ts'
import { keptProblem } from './negative-entry.ts'
import { appendMember, type CacheOutcome, type Forwarded, memberText } from './policy/cache-status.ts'
import { evaluate } from './policy/conditional.ts'
import { type Decision, decide, onError } from './policy/decide.ts'
import { ttlS } from './policy/freshness.ts'
import type { Reply } from './question.ts'
import type { Refresher } from './refresher.ts'
import type { UnsafeInvalidation } from './unsafe-invalidation.ts'
import type { LinesOf } from './variant-index.ts'

export interface ResponseCacheOptions {
  readonly site: Site
  /** False: nothing is stored or given here, and what is executed here still invalidates elsewhere. */
  readonly serves: boolean
  readonly store: EntryStore
  readonly joined: JoinedFetch
  readonly refresher: Refresher
  readonly failures: FailedValidations<number>
  readonly rulesOf: (route: NonNullable<RouteFacts['policy']['cache']>) => RouteRules
  readonly sentFields: (x: Exchange, route: RouteFacts) => LinesOf
  readonly invalidation: UnsafeInvalidation
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Pick<CacheMetrics, 'requests' | 'hits'>
}

/** Why it goes to the service, where it does. */
type Going = Exclude<Forwarded, 'bypass'>

/** What Cache-Status says, but whose word it is. */
type Told = Told1<CacheOutcome>
type Told1<T> = T extends unknown ? Omit<T, 'site' | 'key'> : never

/**
 * Answers requests of cached routes: from the store where that may be, else it asks the service itself, by the phases behind
 * it, and stores what it may. Answers to writes invalidate before they go out. No failure of the cache fails a request.
 */
export class ResponseCache implements Phase {
  readonly name = 'response-cache'
  readonly #options: ResponseCacheOptions
  #onward: Onward | undefined

  constructor(options: ResponseCacheOptions) {
    this.#options = options
  }

  precede(onward: Onward): void {
    this.#onward = onward
  }

  /** The phases behind it. */
  get onward(): Onward {
    if (this.#onward === undefined) throw problems['upstream-missing']()
    return this.#onward
  }

  before(x: Exchange): Answer | undefined | Promise<Answer> {
    const route = x.decision?.route
    const policy = route?.policy.cache
    const reads = x.method === 'GET' || x.method === 'HEAD'
    if (policy === undefined || route === undefined || !this.#options.serves) {
      return reads || !this.#mayInvalidate(x) ? undefined : this.#write(x)
    }
    const rules = this.#options.rulesOf(policy)
    if (!reads) return this.#bypass(x, route, rules, 'method', undefined)
    const bypass = bypassOf(x, route)
    if (bypass !== undefined) return this.#bypass(x, route, rules, 'bypass', bypass)
    try {
      const asked = askedOf(x, route, rules, this.#options.sentFields(x, route))
      if (asked === 'too-many-tags') return this.#bypass(x, route, rules, 'bypass', asked)
      return this.#recalled(asked) ?? this.#serve(asked)
    } catch (thrown) {
      return this.#withoutCache(x, route, rules, thrown)
    }
  }

  #mayInvalidate({ table, method }: Exchange): boolean {
    return method !== 'OPTIONS' && table !== undefined && !CachedRoutes.of(table).none
  }

  async #write(x: Exchange): Promise<Answer> {
    const answer = await this.onward.run(x)
    const invalidated = this.#options.invalidation.after(x, answer)
    if (invalidated !== undefined) await invalidated
    return answer
  }

  /** The service alone answers; its words for caches do not go on to clients all the same. */
  async #bypass(
    x: Exchange,
    route: RouteFacts,
    rules: RouteRules,
    because: 'method' | 'bypass',
    detail: Reason | undefined,
  ): Promise<Answer> {
    const answer = await this.#write(x)
    const shown = { ...answer, headers: withoutHidden(answer.headers, rules.hidden) }
    const told = { kind: 'forwarded', because, ...(detail === undefined ? {} : { detail }) } as const
    return this.#tell(x, route, shown, told, 'bypass', detail ?? 'method')
  }

  /** From this process's own memory, without a wait. */
  #recalled(asked: Asked): Answer | undefined {
    const { store, clock } = this.#options
    const found = store.recall(asked.lookup)
    if (found === undefined) return undefined
    const nowMs = clock.now()
    const decision = decide(found.entry, asked.directives, nowMs, found.soft)
    return decision.kind === 'fresh' ? this.#give(asked, found, decision.because, nowMs) : undefined
  }

  async #serve(asked: Asked): Promise<Answer> {
    try {
      return await this.#answer(asked)
    } catch (thrown) {
      const { x, route, rules } = asked
      if (!(thrown instanceof Problem)) return this.#withoutCache(x, route, rules, thrown)
      // Its own request id goes into it, whoever else it was thrown for.
      const told = { kind: 'forwarded', because: 'miss', detail: thrown.code } as const
      return this.#tell(x, route, problemAnswer(thrown, x), told, 'failed', reasonOf(thrown))
    }
  }

  async #answer(asked: Asked): Promise<Answer> {
    const { store, clock } = this.#options
    const found = await store.look(asked.lookup)
    const nowMs = clock.now()
    if (found.kind === 'none') {
      if (asked.directives.onlyIfCached) throw problems['only-if-cached']()
      return this.#fetch(asked, found, found.because === 'failed' ? 'miss' : found.because, untold(found.detail))
    }
    const decision = decide(found.entry, asked.directives, nowMs, found.soft)
    return this.#decided(asked, found, decision, nowMs)
  }

  #decided(asked: Asked, found: FoundEntry, decision: Decision, nowMs: number): Answer | Promise<Answer> {
    switch (decision.kind) {
      case 'fresh':
        return this.#give(asked, found, decision.because, nowMs) ?? this.#fetch(asked, found, 'partial', undefined)
      case 'stale-swr': {
        const given = this.#give(asked, found, decision.because, nowMs)
        if (given === undefined) return this.#fetch(asked, found, 'partial', undefined)
        this.#options.refresher.start(asked, found)
        return given
      }
      case 'only-if-cached':
        throw problems['only-if-cached']()
      case 'revalidate': {
        const standing = decision.forwarded === 'stale' ? this.#standsIn(asked, found, nowMs) : undefined
        return standing ?? this.#fetch(asked, found, decision.forwarded, untold(decision.because))
      }
    }
  }

  /** A moment ago the service failed: this request does not wait for it to fail again (R5). */
  #standsIn(asked: Asked, found: FoundEntry, nowMs: number): Answer | undefined {
    const status = this.#options.failures.recent(asked.lookup.key.text)
    if (status === undefined || onError(found.entry, asked.directives, nowMs, found.soft) !== 'serve-stale')
      return undefined
    return this.#give(asked, found, 'stale-if-error', nowMs)
  }

  /** Undefined: the entry is a part, and another one is asked for. */
  #give(asked: Asked, { entry, body, site }: FoundEntry, because: Reason, nowMs: number): Answer | undefined {
    const { x, route, rules } = asked
    const problem = keptProblem(entry)
    const answer =
      problem === undefined
        ? answerFromEntry(x, entry, body, { hidden: rules.hidden, nowMs, validated: false })
        : problemAnswer(problem, x)
    if (answer === undefined) return undefined
    x.storedBy = site
    this.#options.metrics.hits.inc({ site })
    const reason = entry.negative === true ? 'negative' : because
    const told = { kind: 'hit', ttlS: ttlS(entry, nowMs), ...(reason === 'fresh' ? {} : { detail: reason }) } as const
    this.#explain(asked, reason, entry.freshness.windowForbidden)
    return this.#tell(x, route, answer, told, because === 'fresh' ? 'hit' : 'stale', reason, asked)
  }

  async #fetch(asked: Asked, found: Found, forwarded: Going, detail: string | undefined): Promise<Answer> {
    this.#explain(asked, forwarded, found.kind === 'entry' && found.entry.freshness.windowForbidden, detail)
    const got = await this.#options.joined.get(asked, found, forwarded)
    return got.kind === 'own'
      ? this.#own(asked, forwarded, detail, got.reply)
      : this.#common(asked, forwarded, got.common)
  }

  #own(asked: Asked, forwarded: Going, detail: string | undefined, reply: Reply): Answer {
    const { x, route, rules } = asked
    const nowMs = this.#options.clock.now()
    switch (reply.kind) {
      case 'failed': {
        const { code } = reply.answer.problem ?? {}
        const told = { kind: 'forwarded', because: forwarded, ...(code === undefined ? {} : { detail: code }) } as const
        return this.#tell(x, route, reply.answer, told, 'failed', 'problem', asked)
      }
      case 'passed': {
        const { entry, because } = reply
        const answer = this.#asAsked(asked, reply)
        const told = {
          kind: 'forwarded',
          because: forwarded,
          ...(answer.status === reply.answer.status ? {} : { status: reply.answer.status }),
          ...(entry === undefined ? {} : { stored: true, ttlS: ttlS(entry, nowMs) }),
          ...detailOf(detail === 'swr-off-s-maxage' ? detail : (because ?? detail)),
        } as const
        return this.#tell(x, route, answer, told, 'fetched', forwarded, asked)
      }
      case 'stored': {
        const { entry, body, standsIn, status, site } = reply
        const giving = { hidden: rules.hidden, nowMs, validated: !standsIn }
        const answer = answerFromEntry(x, entry, body, giving)
        if (answer === undefined)
          throw problems['upstream-invalid']({ because: '304 to a request without a condition' })
        x.serviceStatus = status
        if (standsIn) x.storedBy = site
        const told = {
          kind: 'forwarded',
          because: forwarded,
          ...(status === 0 || status === answer.status ? {} : { status }),
          ttlS: ttlS(entry, nowMs),
          ...detailOf(standsIn ? 'stale-if-error' : detail),
        } as const
        const reason = standsIn ? 'stale-if-error' : forwarded
        return this.#tell(x, route, answer, told, standsIn ? 'stale' : 'validated', reason, asked)
      }
    }
  }

  /** The client's own condition did not go to the service: it is judged by what came (C3). */
  #asAsked({ x, rules }: Asked, { answer, entry }: Extract<Reply, { kind: 'passed' }>): Answer {
    const { body } = answer
    if (entry !== undefined && answer.status === 200 && evaluate(entry, x) === 'not-modified') {
      if (isStream(body)) body.flow(drained)
      const nowMs = this.#options.clock.now()
      const given = answerFromEntry(x, entry, Buffer.alloc(0), { hidden: rules.hidden, nowMs, validated: true })
      if (given !== undefined) return given
    }
    return { ...answer, headers: withoutHidden(answer.headers, rules.hidden) }
  }

  #common(asked: Asked, forwarded: Going, common: OwnCommon): Answer {
    const { x, route, rules } = asked
    const nowMs = this.#options.clock.now()
    const because = forwarded === 'uri-miss' ? 'miss' : forwarded
    const told = { kind: 'forwarded', because, collapsed: true } as const
    x.storedBy = this.#options.site
    if (common.kind === 'not-modified') {
      const headers = withoutHidden([...common.headers], rules.hidden)
      const answer = { status: 304, reason: '', headers, body: undefined }
      return this.#tell(x, route, answer, told, 'collapsed', because, asked)
    }
    const { entry, body, standsIn, site } = common
    // It was asked for somebody else: what is to be shown to no one unasked, stays out (S6).
    const giving = { hidden: rules.hidden, nowMs, validated: false }
    const answer = Buffer.isBuffer(body)
      ? answerFromEntry(x, entry, body, giving)
      : answerAsItComes(x, entry, body, giving)
    if (answer === undefined) throw problems['client-gone']()
    x.storedBy = site
    const more = { ttlS: ttlS(entry, nowMs), ...detailOf(standsIn ? 'stale-if-error' : undefined) }
    return this.#tell(x, route, answer, { ...told, ...more }, 'collapsed', because, asked)
  }

  /** A fault of the cache is not the client's: it gets what it would have got without one. */
  #withoutCache(x: Exchange, route: RouteFacts, rules: RouteRules, thrown: unknown): Promise<Answer> {
    if (thrown instanceof Problem) throw thrown
    this.#options.log.error({ requestId: x.requestId, route: route.id, err: thrown }, 'the cache failed at a request')
    x.storedBy = undefined
    x.whenGone = undefined
    return this.#bypass(x, route, rules, 'bypass', 'fault')
  }

  #tell(
    x: Exchange,
    route: RouteFacts,
    answer: Answer,
    told: Told,
    result: Result,
    reason: Reason,
    asked?: Asked,
  ): Answer {
    const { site, metrics } = this.#options
    metrics.requests.inc({ route: route.id, result, reason })
    const key = asked === undefined || x.explained === undefined ? {} : { key: asked.lookup.key.clear }
    const member = memberText({ ...told, ...key, site })
    x.cacheStatus = member
    appendMember(answer.headers, member)
    return answer
  }

  #explain(asked: Asked, decision: string, windowForbidden: boolean, detail?: string): void {
    const { x, lookup } = asked
    if (x.explained === undefined) return
    x.explained['response-cache'] = {
      decision,
      ...(detail === undefined ? {} : { because: detail }),
      key: lookup.key.clear,
      tags: [...lookup.tags.exact, ...lookup.tags.scopes],
      ...(windowForbidden ? { hint: 's-maxage forbids stale answers: use max-age, or a targeted field' } : {}),
    }
  }
}

/** What says no more than that nothing usable is stored is no detail. */
function untold(because: string | undefined): string | undefined {
  return because === undefined || plain.has(because) ? undefined : because
}

const plain: ReadonlySet<string> = new Set(['absent', 'expired', 'stale'])

const detailOf = (detail: string | undefined) => (detail === undefined ? {} : { detail })

const reasonOf = ({ code }: Problem): Reason => (code === 'only-if-cached' ? code : 'problem')
