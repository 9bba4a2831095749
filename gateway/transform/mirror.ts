import { headers as names } from '#routes/messages.ts'
import type { ServiceFacts } from '#routes/structure.ts'
import type { Site, UnitId } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Counter, Histogram } from '#server-kit/metrics.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import { firstValue } from '../header-pairs.ts'
import type { Phase } from '../phase.ts'
import { type HeadOptions, requestHead } from '../upstream/request-head.ts'
import { shadowOf } from './shadow-sample.ts'
import type { ShadowAnswer, ShadowServices } from './shadow-services.ts'

export interface MirrorOptions extends HeadOptions {
  readonly site: Site
  readonly services: ShadowServices
  /** Whether this process has anything to spare: copies are the first that are given up. */
  readonly calm: () => boolean
  readonly clock: Clock
  readonly background: Background
  readonly copies: Counter<'unit' | 'outcome'>
  readonly seconds: Histogram<'side'>
}

export const shadowOutcomes = ['same', 'different', 'failed', 'dropped'] as const
export const shadowSides = ['owner', 'copy'] as const

/** Of all units together, a process. */
const mostInFlight = 1_000

/** What was answered to the client: known as soon as its head is, or never. */
interface Served {
  readonly status: number
  readonly length: number | undefined
}

interface Copy {
  readonly service: ServiceFacts
  readonly to: Site
  readonly method: 'GET' | 'HEAD'
}

type Outcome = (typeof shadowOutcomes)[number]

/** One request at two sites; both halves come when they come. */
interface Comparison {
  readonly startedMs: number
  readonly served: PromiseWithResolvers<Served>
}

/**
 * Sends a copy of sampled safe requests to the unit's deployment at another site, straight and not through its gateway,
 * which would send it back. The client never waits for it: beyond `maxInFlight` a copy is dropped and counted, never queued.
 * Both answers are compared by status, and by length where both tell one.
 */
export function mirror(options: MirrorOptions): Phase {
  const { site, services, calm, clock, background, copies, seconds } = options
  const inFlight = new Map<UnitId, number>()
  let total = 0
  const comparisons = new WeakMap<Exchange, Comparison>()

  const send = async (x: Exchange, { service, to, method }: Copy, comparison: Comparison): Promise<Outcome> => {
    const host = service.deployments.find(({ site: at }) => at === to)?.host
    const head = requestHead(x, options, host ?? x.host)
    head.push(names.shadow, '1')
    const answer = await services.ask(service, to, { method, path: x.rewritten ?? x.target, headers: head })
    seconds.observe({ side: 'copy' }, (clock.monotonic() - comparison.startedMs) / 1000)
    return outcomeOf(answer, await comparison.served.promise)
  }

  const copy = async (x: Exchange, unit: UnitId, what: Copy, comparison: Comparison): Promise<void> => {
    try {
      copies.inc({ unit, outcome: await send(x, what, comparison) })
    } catch {
      // That the other site cannot answer is what a copy is there to find out: counted, and nobody is to be woken.
      copies.inc({ unit, outcome: 'failed' })
    } finally {
      total--
      const left = (inFlight.get(unit) ?? 1) - 1
      if (left === 0) inFlight.delete(unit)
      else inFlight.set(unit, left)
    }
  }

  return {
    name: 'mirror',
    before(x: Exchange): undefined {
      const shadow = shadowOf(x, site)
      const route = x.decision?.route
      const service = route && x.table?.index.services.get(route.service)
      if (shadow === undefined || route === undefined || service === undefined) return undefined
      const { unit } = route
      const running = inFlight.get(unit) ?? 0
      const sent = running < shadow.maxInFlight && total < mostInFlight && calm()
      if (x.explained !== undefined) x.explained['mirror'] = { to: shadow.to, sent }
      if (!sent) {
        copies.inc({ unit, outcome: 'dropped' })
        return undefined
      }
      const what: Copy = { service, to: shadow.to, method: x.method === 'HEAD' ? 'HEAD' : 'GET' }
      total++
      inFlight.set(unit, running + 1)
      const comparison: Comparison = { startedMs: clock.monotonic(), served: Promise.withResolvers<Served>() }
      comparisons.set(x, comparison)
      background.run('copy a request to another site', copy(x, unit, what, comparison))
      return undefined
    },
    after(x: Exchange, answer: Answer): Answer {
      const comparison = comparisons.get(x)
      if (comparison === undefined) return answer
      seconds.observe({ side: 'owner' }, (clock.monotonic() - comparison.startedMs) / 1000)
      const length = firstValue(answer.headers, 'content-length')
      comparison.served.resolve({ status: answer.status, length: length === undefined ? undefined : Number(length) })
      return answer
    },
  }
}

function outcomeOf(copied: ShadowAnswer, served: Served): Outcome {
  return copied.status === served.status && (served.length === undefined || served.length === copied.length)
    ? 'same'
    : 'different'
}
