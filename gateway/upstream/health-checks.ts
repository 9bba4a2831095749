import type { Dispatcher } from 'undici'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import type { Deployment } from './deployment.ts'
import type { Endpoint } from './endpoint.ts'
import type { UpstreamMetrics } from './upstream-metrics.ts'

export interface HealthChecksOptions {
  /** Those of the table in force. */
  readonly deployments: () => Iterable<Deployment>
  readonly perSecond: number
  readonly metrics: UpstreamMetrics
  readonly clock: Clock
  readonly random: Random
  readonly background: Background
  readonly log: Log
}

const timeoutMs = 2_000
/** Of its period, to either side: else a whole site asks in one beat. */
const jitter = 0.2
/** How soon a deployment that a new table brought is noticed. */
const longestSleepMs = 1_000

/**
 * Asks each instance whose deployment names a health path, again and again, at most `perSecond` times a second in all.
 * What leaves the table is asked no more: nothing is kept of it.
 */
export class HealthChecks {
  readonly #options: HealthChecksOptions
  readonly #dueMs = new WeakMap<Endpoint, number>()
  readonly #gapMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(options: HealthChecksOptions) {
    this.#options = options
    this.#gapMs = 1_000 / options.perSecond
  }

  start(): void {
    this.#timer = setTimeout(() => this.#next(), 0).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** Asks the one that is due for longest, and sleeps until the next may be asked. */
  #next(): void {
    const { clock, background, deployments, metrics } = this.#options
    const now = clock.monotonic()
    let first: { deployment: Deployment; endpoint: Endpoint; dueMs: number } | undefined
    let waiting = 0
    let nextMs = now + longestSleepMs
    for (const deployment of deployments()) {
      if (deployment.facts.health === undefined) continue
      for (const endpoint of deployment.endpoints) {
        const dueMs = this.#due(endpoint, deployment.facts.health.everyMs, now)
        if (dueMs > now) nextMs = Math.min(nextMs, dueMs)
        else {
          waiting++
          if (first === undefined || dueMs < first.dueMs) first = { deployment, endpoint, dueMs }
        }
      }
    }
    if (waiting > this.#options.perSecond) metrics.checksLate.inc()
    if (first !== undefined) {
      const { deployment, endpoint } = first
      const againMs = now + this.#spread(deployment.facts.health?.everyMs ?? 0)
      this.#dueMs.set(endpoint, againMs)
      nextMs = Math.min(nextMs, againMs)
      background.run('check the health of an instance', () => this.#check(deployment, endpoint))
    }
    const sleepMs = waiting > 1 ? this.#gapMs : Math.max(this.#gapMs, nextMs - now)
    this.#timer = setTimeout(() => this.#next(), sleepMs).unref()
  }

  #due(endpoint: Endpoint, everyMs: number, now: number): number {
    let dueMs = this.#dueMs.get(endpoint)
    if (dueMs === undefined) {
      dueMs = now + this.#options.random.next() * everyMs
      this.#dueMs.set(endpoint, dueMs)
    }
    return dueMs
  }

  #spread(everyMs: number): number {
    return everyMs * (1 - jitter + 2 * jitter * this.#options.random.next())
  }

  async #check(deployment: Deployment, endpoint: Endpoint): Promise<void> {
    const good = await ask(deployment, endpoint)
    const { clock, metrics, log } = this.#options
    if (!endpoint.health.observe(good)) return
    const { service } = deployment
    const { up } = endpoint.health
    if (up) endpoint.startSlowly(clock.monotonic())
    metrics.health.inc({ deployment: service, to: up ? 'up' : 'down' })
    log.info({ deployment: service, endpoint: endpoint.id, up }, 'health checks turned an instance')
  }
}

/** True: it answered in time, with 2xx or 3xx. */
function ask(deployment: Deployment, endpoint: Endpoint): Promise<boolean> {
  const { facts, prefix } = deployment
  const host = facts.host ?? new URL(facts.url).host
  return new Promise((resolve) => {
    endpoint.line('young', timeoutMs).pool.dispatch(
      {
        method: 'GET',
        path: prefix + (facts.health?.path ?? '/'),
        headers: ['host', host, 'user-agent', 'tidegate-health', 'accept', '*/*'],
      },
      new Check(resolve),
    )
  })
}

class Check implements Dispatcher.DispatchHandler {
  readonly #settle: (good: boolean) => void
  readonly #timer: NodeJS.Timeout
  #controller: Dispatcher.DispatchController | undefined
  #late = false
  #status = 0

  constructor(settle: (good: boolean) => void) {
    this.#settle = settle
    this.#timer = setTimeout(() => this.#giveUp(), timeoutMs)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#late) controller.abort(lateCheck)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number): void {
    this.#status = status
  }

  onResponseData(): void {}

  onResponseEnd(): void {
    clearTimeout(this.#timer)
    this.#settle(this.#status >= 200 && this.#status < 400)
  }

  onResponseError(): void {
    clearTimeout(this.#timer)
    this.#settle(false)
  }

  #giveUp(): void {
    this.#late = true
    this.#controller?.abort(lateCheck)
    this.#settle(false)
  }
}

const lateCheck = new DOMException('the health check took too long', 'TimeoutError')
