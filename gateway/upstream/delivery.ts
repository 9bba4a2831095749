import type { Readable } from 'node:stream'
import { headers as names } from '#routes/messages.ts'
import type { RetryCause } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'
import { type Answer, isStream } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { firstValue, type HeaderPairs } from '../header-pairs.ts'
import { type Admission, passed, type Verdict } from './breaker.ts'
import { type CallOutcome, call } from './call.ts'
import { type Age, isStale } from './connections.ts'
import type { Deployment } from './deployment.ts'
import type { Endpoint } from './endpoint.ts'
import { withoutOurs } from './hop-by-hop.ts'
import { type HeadOptions, requestHead } from './request-head.ts'
import {
  afterOf,
  isRepeatable,
  mayEverRetry,
  type RetryPlan,
  type RetryVerdict,
  retryPlan,
  retryVerdict,
} from './retry.ts'
import type { UpstreamMetrics } from './upstream-metrics.ts'

/** A body that can be sent twice is held here up to so many bytes, and may take so long to come. */
const keepBytes = 64 * 1024
const keepMs = 15_000

export interface DeliveryOptions extends HeadOptions {
  readonly site: Site
  readonly metrics: UpstreamMetrics
  /** A response cache stands in front, and takes off what services say to it alone. */
  readonly caches: boolean
  readonly clock: Clock
  readonly random: Random
}

interface DeliveryParts {
  readonly options: DeliveryOptions
  readonly x: Exchange
  readonly route: RouteFacts
  readonly deployment: Deployment
  readonly admission: Admission
  /** Of the client, where its requests stay with one endpoint. */
  readonly key: string | undefined
}

/** One request on its way to a deployment: at most two tries, within one deadline. */
export class Delivery {
  readonly #parts: DeliveryParts
  readonly #plan: RetryPlan
  readonly #repeatable: boolean
  readonly #retryable: boolean
  /** Monotonic ms. */
  readonly #untilMs: number
  #body: Readable | Buffer | undefined
  #tried: Endpoint | undefined
  /** How the try that is under way takes its connection. */
  #age: Age

  constructor(parts: DeliveryParts) {
    this.#parts = parts
    const { x, route, options, admission } = parts
    const { policy } = route
    this.#plan = retryPlan(policy)
    this.#repeatable = isRepeatable(x, this.#plan)
    // A probe of the breaker tells whether the deployment is back: a second try would blur that.
    this.#retryable = admission === passed && mayEverRetry(x, this.#plan) && !triedBefore(x)
    const totalMs = policy.stream ? Number.POSITIVE_INFINITY : policy.timeout.totalMs
    this.#untilMs = Math.min(options.clock.monotonic() + totalMs, x.deadlineMs)
    this.#age = x.upgrade === undefined ? (this.#repeatable ? 'any' : 'young') : 'fresh'
  }

  async run(): Promise<Answer> {
    const { x, options, deployment, route } = this.#parts
    // A request that may be executed once is sent as it comes: it is sent again only while nobody has read of its body.
    if (this.#retryable && this.#repeatable && x.body.present) await x.body.keep(keepBytes, keepMs)
    this.#body = x.body.forward(route.policy.maxBodyBytes, route.policy.timeout.idleMs)
    const head = requestHead(x, options, deployment.facts.host)
    const attemptAt = head.push(names.attempt, triedBefore(x) ? '1' : '0') - 1
    const deadlineAt = this.#pushDeadline(head)
    for (;;) {
      const endpoint = this.#choose()
      if (deadlineAt >= 0) head[deadlineAt] = String(this.#leftMs())
      const outcome = await this.#try(endpoint, head)
      const verdict = this.#verdict(outcome)
      this.#explain(endpoint, verdict)
      if (verdict.kind === 'no') return answerOf(outcome, options.caches && route.policy.cache !== undefined)
      if (outcome.ok && isStream(outcome.answer.body)) outcome.answer.body.cancel(sentAgain)
      await pause(x, verdict.waitMs)
      if (x.gone) throw problems['client-gone']()
      x.attempt++
      options.metrics.retried.inc()
      head[attemptAt] = '1'
    }
  }

  /** Of a second try another endpoint; the same one only where the first never reached it, or met a dying connection. */
  #choose(): Endpoint {
    const { deployment, key, route, options } = this.#parts
    const now = options.clock.monotonic()
    const endpoint = deployment.choose(key, this.#tried, now) ?? this.#tried
    if (endpoint === undefined) throw problems['no-endpoint']({ unit: route.unit, site: options.site, retryAfterS: 5 })
    this.#tried = endpoint
    return endpoint
  }

  async #try(endpoint: Endpoint, head: HeaderPairs): Promise<CallOutcome> {
    const { x, route, deployment, admission, options } = this.#parts
    const { timeout } = route.policy
    x.endpoint = endpoint.id
    const probe = deployment.sent(endpoint, options.clock.monotonic())
    const outcome = await call(endpoint.line(this.#age, timeout.connectMs), x, {
      path: deployment.prefix + (x.rewritten ?? x.target),
      headers: head,
      body: this.#body,
      firstByteMs: timeout.firstByteMs,
      totalMs: this.#untilMs - options.clock.monotonic(),
    })
    const now = options.clock.monotonic()
    deployment.record(endpoint, probe, admission, this.#judge(outcome), now)
    return outcome
  }

  /** What the outcome says of the service, which is nothing where the client, or the time that it left us, ended the try. */
  #judge(outcome: CallOutcome): Verdict {
    if (outcome.ok) return isGatewayError(outcome.answer.status) ? 'bad' : 'good'
    const { code } = outcome.failure.problem
    if (code === 'total-timeout')
      return isUpload(this.#body) || this.#parts.x.deadlineMs <= this.#untilMs ? 'neither' : 'bad'
    return itsFault.has(code) ? 'bad' : 'neither'
  }

  #verdict(outcome: CallOutcome): RetryVerdict {
    const { x, deployment, options } = this.#parts
    const cause = causeOf(outcome)
    // The usual case first: what went well asks for nothing.
    if (!this.#retryable || x.attempt > 0 || cause === undefined || x.gone) return { kind: 'no', because: 'cause' }
    const { metrics, clock, random } = options
    const now = clock.monotonic()
    const after = outcome.ok ? firstValue(outcome.answer.headers, 'retry-after') : undefined
    const first = {
      cause,
      repeatable: this.#repeatable,
      sendable: !isUpload(this.#body) || !(this.#body.readableDidRead || this.#body.destroyed),
      otherEndpoint: deployment.choose(this.#parts.key, this.#tried, now) !== undefined,
      afterMs: afterOf(after),
      leftMs: this.#untilMs - now,
    }
    let verdict = retryVerdict(this.#plan, first, random.next())
    if (verdict.kind === 'again' && !deployment.mayRetry(now)) verdict = { kind: 'no', because: 'budget' }
    if (verdict.kind === 'no') metrics.notRetried.inc({ because: verdict.because })
    else if (cause === 'stale') this.#age = 'fresh'
    return verdict
  }

  /** Place of the value of the deadline in `head`; -1: an answer without end has none. */
  #pushDeadline(head: HeaderPairs): number {
    return Number.isFinite(this.#untilMs) ? head.push(names.deadline, '') - 1 : -1
  }

  #leftMs(): number {
    return Math.max(1, Math.floor(this.#untilMs - this.#parts.options.clock.monotonic()))
  }

  #explain(endpoint: Endpoint, verdict: RetryVerdict): void {
    const { x, deployment, route, options } = this.#parts
    if (x.explained === undefined) return
    const now = options.clock.monotonic()
    x.explained['upstream'] = {
      deployment: deployment.service,
      endpoint: endpoint.id,
      endpoints: deployment.endpoints.length,
      balance: deployment.facts.balance ?? 'least-request',
      breaker: deployment.breaker.state(now),
      connection: this.#age,
      timeout: route.policy.timeout,
      leftMs: Number.isFinite(this.#untilMs) ? this.#leftMs() : null,
      attempt: x.attempt,
      retry: this.#retryable ? { on: [...this.#plan.on], repeatable: this.#repeatable } : 'never',
      ...(verdict.kind === 'again' ? { again: Math.round(verdict.waitMs) } : {}),
    }
  }
}

function isUpload(body: Readable | Buffer | undefined): body is Readable {
  return body !== undefined && !Buffer.isBuffer(body)
}

function answerOf(outcome: CallOutcome, cacheHears: boolean): Answer {
  if (!outcome.ok) throw outcome.failure.problem
  return { ...outcome.answer, headers: withoutOurs(outcome.answer.headers, cacheHears) }
}

/** A program in front of us sent it a second time already: its edge's failover, or a peer. */
function triedBefore(x: Exchange): boolean {
  return x.mark !== undefined && x.names.includes(names.attempt) && x.header(names.attempt) !== '0'
}

function causeOf(outcome: CallOutcome): RetryCause | undefined {
  if (outcome.ok) return isGatewayError(outcome.answer.status) ? outcome.answer.status : undefined
  const { unsent, reset, problem } = outcome.failure
  if (!itsFault.has(problem.code)) return undefined
  if (unsent) return 'unsent'
  return reset ? (isStale(problem.facts.cause) ? 'stale' : 'reset') : undefined
}

function isGatewayError(status: number): status is 502 | 503 | 504 {
  return status === 502 || status === 503 || status === 504
}

const itsFault: ReadonlySet<string> = new Set([
  'upstream-refused',
  'upstream-reset',
  'upstream-tls',
  'upstream-dns',
  'upstream-invalid',
  'connect-timeout',
  'first-byte-timeout',
])

/** Ends early when the client goes: nobody else would notice while no call is under way. */
function pause(x: Exchange, waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, waitMs)
    x.whenGone = () => {
      clearTimeout(timer)
      resolve()
    }
  })
}

const sentAgain = new DOMException('the request was sent again elsewhere', 'AbortError')
