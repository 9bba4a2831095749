import type { Clock } from '#server-kit/clock.ts'
import type { Counter, ForgettingCounter, Histogram, Metrics } from '#server-kit/metrics.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Ending, Phase } from '../phase.ts'

const classes = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const
/** Whose words the answer is: only those of the service say how the service fares. */
const sources = ['service', 'store'] as const
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Requests by route and class, durations by class, refusals by code. No label can be made by a client. */
export class TrafficMetrics implements Phase {
  readonly name = 'traffic-metrics'
  readonly #clock: Clock
  readonly #requests: ForgettingCounter<'route' | 'class' | 'from'>
  readonly #refusals: Counter<'code'>
  readonly #endings: Counter<'ending'>
  readonly #seconds: Histogram<'class' | 'from'>

  constructor(metrics: Metrics, clock: Clock, codes: readonly string[]) {
    this.#clock = clock
    this.#requests = metrics.counter('tidegate_requests_total', 'Requests that were answered.', {
      route: { atMost: 1_500 },
      class: classes,
      from: sources,
    })
    this.#refusals = metrics.counter(
      'tidegate_problems_total',
      'Requests that the gateway refused or failed, by code.',
      { code: codes },
    )
    this.#endings = metrics.counter('tidegate_broken_answers_total', 'Answers that broke off.', {
      ending: ['client-aborted', 'upstream-truncated'],
    })
    this.#seconds = metrics.histogram(
      'tidegate_request_seconds',
      'From the request head to the last byte of the answer.',
      { class: classes, from: sources },
      buckets,
    )
  }

  /** Ends the series of routes that left the table. */
  async forget(routes: readonly string[]): Promise<void> {
    for (const route of routes) await this.#requests.forget('route', route)
  }

  closed(x: Exchange, answer: Answer, ending: Ending): void {
    const statusClass = classes[Math.floor(answer.status / 100) - 1] ?? '5xx'
    const from = x.storedBy === undefined ? 'service' : 'store'
    this.#requests.inc({ route: x.decision?.route?.id ?? 'none', class: statusClass, from })
    this.#seconds.observe({ class: statusClass, from }, (this.#clock.monotonic() - x.startedMs) / 1000)
    if (answer.problem !== undefined) this.#refusals.inc({ code: answer.problem.code })
    if (ending !== 'done') this.#endings.inc({ ending })
  }
}
