import type { Counter } from '#server-kit/metrics.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { RateVerdict } from './gcra.ts'
import type { Claim, Limiter } from './limiter.ts'
import type { LimitName, MetLimit } from './rate-headers.ts'

/** One limit that a step asks about one request. */
export interface AskedLimit {
  readonly name: LimitName
  readonly claim: Claim
  readonly count: number
  readonly windowS: number
  readonly scope: 'site' | 'process'
  readonly whenAway: 'open' | 'closed'
}

export const limitOutcomes = ['passed', 'refused', 'store-away'] as const

export interface TakingOptions {
  /** Counts for all processes of the site; undefined = every process for itself. */
  readonly site: Limiter | undefined
  readonly process: Limiter
  /** Counts here for all while nobody counts for the site: each limit by this process's share. */
  readonly alone: Limiter
  readonly outcomes: Counter<'limit' | 'outcome'>
}

/** Asks for what a step of the pipeline must take, and refuses by the first that is spent. */
export class Taking {
  readonly #options: TakingOptions

  constructor(options: TakingOptions) {
    this.#options = options
  }

  /** Throws `rate-limited`, `quota-spent` or `limits-store-away`. What was met stands in `x.rates` either way. */
  take(x: Exchange, asked: readonly AskedLimit[]): undefined | Promise<undefined> {
    const { site, process } = this.#options
    const shared = site === undefined ? [] : asked.filter(({ scope }) => scope === 'site')
    const own = shared.length === 0 ? asked : asked.filter((one) => !shared.includes(one))
    if (own.length > 0) this.#judge(x, own, process.take(own.map(claimOf)) as readonly RateVerdict[])
    return site === undefined || shared.length === 0 ? undefined : this.#takeShared(x, site, shared)
  }

  async #takeShared(x: Exchange, site: Limiter, asked: readonly AskedLimit[]): Promise<undefined> {
    let verdicts: readonly RateVerdict[]
    try {
      verdicts = await site.take(asked.map(claimOf))
    } catch (cause) {
      for (const { name } of asked) this.#options.outcomes.inc({ limit: name, outcome: 'store-away' })
      // One limit that may not be passed uncounted closes the way for all of its request.
      if (asked.some(({ whenAway }) => whenAway === 'closed')) throw cause
      verdicts = this.#options.alone.take(asked.map(claimOf)) as readonly RateVerdict[]
    }
    this.#judge(x, asked, verdicts)
    return undefined
  }

  #judge(x: Exchange, asked: readonly AskedLimit[], verdicts: readonly RateVerdict[]): void {
    const met: MetLimit[] = []
    let spent: MetLimit | undefined
    for (let at = 0; at < asked.length; at++) {
      const { name, count, windowS } = asked[at] as AskedLimit
      const limit = { name, count, windowS, verdict: verdicts[at] as RateVerdict }
      met.push(limit)
      this.#options.outcomes.inc({ limit: name, outcome: limit.verdict.allowed ? 'passed' : 'refused' })
      if (limit.verdict.allowed || (spent !== undefined && limit.verdict.retryMs < spent.verdict.retryMs)) continue
      spent = limit
    }
    x.rates = x.rates === undefined ? met : [...x.rates, ...met]
    if (x.explained !== undefined) x.explained['limits'] = x.rates
    if (spent === undefined) return
    const facts = { limit: spent.name, retryAfterS: Math.max(1, Math.ceil(spent.verdict.retryMs / 1000)) }
    throw spent.name === 'quota' ? problems['quota-spent'](facts) : problems['rate-limited'](facts)
  }
}

const claimOf = ({ claim }: AskedLimit): Claim => claim
