import { readCount } from '#routes/fields.ts'
import { headers } from '#routes/messages.ts'
import type { Table } from '#routes/table.ts'
import type { Epoch, Site } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Counter } from '#server-kit/metrics.ts'
import { type Answer, isStream } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { firstValue } from '../header-pairs.ts'
import { answerUnmatched } from '../intake/answer-unmatched.ts'
import { decideRequest } from '../intake/decide-request.ts'
import type { Phase } from '../phase.ts'
import type { TableHolder } from './table-holder.ts'
import { type FenceVerdict, fenceVerdict } from './verdict.ts'

/** PORT: carries a request to another site's gateway, marked; called at most twice for one request. */
export interface Crossing {
  /** Rejects with the problem to answer when the other site did not answer. */
  send(x: Exchange, to: Site): Promise<Answer>
}

export interface FenceOptions {
  readonly site: Site
  readonly holder: TableHolder
  readonly crossing: Crossing
  /** A request waits no longer than this for a newer table, ms. */
  readonly holdMs: number
  /** A body up to this size is kept while a request crosses, so that it can be sent again. */
  readonly keepBodyBytes: number
  readonly clock: Clock
  readonly verdicts: Counter<'verdict'>
}

export const fenceVerdicts = ['execute', 'forward', 'wait', 'refuse', 'unknown'] as const

type Outcome = Answer | undefined | Promise<Answer | undefined>

/** May this site execute the request under the epochs that it holds? If not, the owner gets it, once. */
export function fence(options: FenceOptions): Phase {
  const { site, holder, crossing, holdMs, keepBodyBytes, clock, verdicts } = options

  const judge = (x: Exchange, waited: boolean): FenceVerdict => {
    const { table, decision, mark, markKind } = x
    if (table === undefined || decision === undefined) return { kind: 'unknown' }
    const verdict = fenceVerdict({ site, table, decision, mark, markKind, waited })
    verdicts.inc({ verdict: verdict.kind })
    return verdict
  }

  const act = (x: Exchange, verdict: FenceVerdict, replay: boolean): Outcome => {
    switch (verdict.kind) {
      case 'execute':
        return undefined
      case 'forward':
        return forward(x, verdict.to, replay)
      case 'wait':
        return hold(x)
      case 'refuse':
        throw held(x)
      case 'unknown':
        return answerUnmatched(x)
    }
  }

  const hold = async (x: Exchange): Promise<Answer | undefined> => {
    const wanted = x.mark?.epoch ?? 0
    const { structure = 0, placements = 0 } = x.mark ?? {}
    await wait(x, (table) => {
      const unit = x.decision?.route?.unit
      if (unit !== undefined) return (table.placementOf.get(unit)?.epoch ?? 0) >= wanted
      return table.structure.number >= structure && table.placements.number >= placements
    })
    return act(x, judge(x, true), false)
  }

  const forward = async (x: Exchange, to: Site, replay: boolean): Promise<Answer | undefined> => {
    // As long as the service itself would have been waited for.
    await x.body.keep(keepBodyBytes, x.decision?.route?.policy.timeout.firstByteMs ?? holdMs)
    x.forwardedTo = to
    const answer = await crossing.send(x, to)
    const refusedAt = refusal(answer)
    if (refusedAt === undefined) return answer
    if (isStream(answer.body)) answer.body.cancel(held(x))
    // Provably not executed. With a newer placement it may be decided again, once, if its body can be sent again.
    const behind = refusedAt > (x.decision?.epoch ?? 0)
    if (replay || !behind || !x.body.sendable) throw held(x)
    const unit = x.decision?.route?.unit ?? ''
    const newer = await wait(x, (table) => (table.placementOf.get(unit)?.epoch ?? 0) >= refusedAt)
    if (newer === undefined) throw held(x)
    x.forwardedTo = undefined
    return act(x, judge(x, true), true)
  }

  /** Waits for a table and decides again by what is then in force. A client that leaves is not waited for. */
  const wait = async (x: Exchange, enough: (table: Table) => boolean): Promise<Table | undefined> => {
    const before = clock.monotonic()
    const table = await holder.waitFor(enough, holdMs, (abandon) => {
      x.whenGone = abandon
    })
    x.whenGone = undefined
    if (x.gone) throw problems['client-gone']({ waitedMs: clock.monotonic() - before })
    if (holder.current !== undefined) decideRequest(x, holder.current)
    return table
  }

  return {
    name: 'fence',
    before(x: Exchange): Outcome {
      return act(x, judge(x, false), false)
    },
    after(x: Exchange, answer: Answer): Answer {
      // Tells the peer that nothing was executed, and under which epoch.
      if (answer.problem?.code === 'held' && x.markKind === 'hop') {
        answer.headers.push(headers.fence, `refused;e=${x.decision?.epoch ?? 0}`)
      }
      return answer
    },
  }
}

function held(x: Exchange) {
  return problems['held']({ retryAfterS: 1, unit: x.decision?.route?.unit ?? '', epoch: x.decision?.epoch ?? 0 })
}

/** The epoch under which the peer refused, or undefined for an answer that it, or the service behind it, really gave. */
function refusal(answer: Answer): Epoch | undefined {
  if (answer.status !== 503) return undefined
  const value = firstValue(answer.headers, headers.fence)
  return value?.startsWith('refused;e=') ? readCount(value.slice('refused;e='.length)) : undefined
}
