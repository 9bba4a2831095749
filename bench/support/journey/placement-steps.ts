/** The steps that change who serves whom: what each took, and whether every user went where it said. */
import { setTimeout as wait } from 'node:timers/promises'
import type { ChangeAnswer } from '../../../control-plane/api-client/schema.ts'
import type { Clients } from './clients.ts'
import type { FlipClock, FlipFigures } from './flip-clock.ts'
import type { StepResult } from './report.ts'
import { lastElsewhere, shareAt, turnedBack } from './sides.ts'

export interface PlacementLimits {
  /** From the call until both gateways hold it, ms. */
  readonly gateways: number
  /** From the call until the edge holds it and no request takes the old way, ms. */
  readonly edge: number
}

export interface PlacementStep {
  /** Called for each unit. */
  readonly change: (unit: string) => Promise<ChangeAnswer>
  readonly to: string
  /** Whether everybody is to be there after it. */
  readonly whole: boolean
  /** Since when nobody may have left `to` again; undefined = it is not asked. */
  readonly risingSince?: number
  /** What is to be seen at once, before the placement was held. */
  readonly rightAfter?: () => Promise<StepResult>
}

export class PlacementSteps {
  readonly #clock: FlipClock
  readonly #clients: Clients
  readonly #units: readonly string[]
  readonly #holdMs: number
  readonly #limits: PlacementLimits
  /** The slowest so far, ms. */
  readonly slowest = { gateways: 0, edge: 0 }

  constructor(
    clock: FlipClock,
    clients: Clients,
    options: { readonly units: readonly string[]; readonly holdMs: number; readonly limits: PlacementLimits },
  ) {
    this.#clock = clock
    this.#clients = clients
    this.#units = options.units
    this.#holdMs = options.holdMs
    this.#limits = options.limits
  }

  async run({ change, to, whole, risingSince, rightAfter }: PlacementStep): Promise<StepResult> {
    const flips: FlipFigures[] = []
    for (const unit of this.#units) flips.push(await this.#clock.measure(() => change(unit)))
    const early = await rightAfter?.()
    await wait(this.#holdMs)

    const [first, last] = [flips[0], flips.at(-1)] as [FlipFigures, FlipFigures]
    const gateways = Math.max(...flips.map(({ gatewaysMs }) => gatewaysMs))
    const edge = Math.max(...flips.map(({ edgeMs }) => edgeMs), await this.#lastOldRouting(last))
    this.slowest.gateways = Math.max(this.slowest.gateways, gateways)
    this.slowest.edge = Math.max(this.slowest.edge, edge)
    const sides = this.#sides(first, last, to, edge)
    return {
      figures: [
        `gateways ${ms(gateways)}, edge ${ms(edge)}, last at the old side ${ms(sides.lastOldMs)}`,
        `${sides.readers.there} of ${sides.readers.asked} readers at ${to}`,
        ...(early === undefined ? [] : [early.figures]),
      ].join('; '),
      faults: [
        ...(early?.faults ?? []),
        ...above('the gateways', gateways, this.#limits.gateways),
        ...above('the edge', edge, this.#limits.edge),
        ...above('the last request at the old side', sides.lastOldMs, this.#limits.edge),
        ...(sides.readers.there === 0 ? [`nobody is at ${to}`] : []),
        ...(whole && sides.settled.there < sides.settled.asked
          ? [`${sides.settled.asked - sides.settled.there} of ${sides.settled.asked} are not at ${to}`]
          : []),
        ...(risingSince === undefined ? [] : turnedBack(this.#clients.since(risingSince), to)).map(
          (who) => `${who} went back`,
        ),
      ],
    }
  }

  /** By the gateways' counts: from the call until the last request that an edge routed by an older table, ms. */
  async #lastOldRouting({ answer, startedAt }: FlipFigures): Promise<number> {
    const last = await this.#clock.lastByOlderTable(answer.table)
    return last === undefined ? 0 : Math.max(0, last - startedAt)
  }

  #sides(first: FlipFigures, last: FlipFigures, to: string, edge: number) {
    const seen = this.#clients.since(first.startedAt)
    const settled = seen.filter(({ sentAt }) => sentAt > last.startedAt + edge)
    const lastOld = lastElsewhere(seen, to)
    return {
      lastOldMs: lastOld === undefined ? 0 : Math.max(0, lastOld - last.startedAt),
      settled: shareAt(settled, to),
      readers: shareAt(
        settled.filter(({ request: { method } }) => method === 'GET'),
        to,
      ),
    }
  }
}

export const ms = (value: number): string => `${Math.round(value)} ms`

/** One fault, when it took longer than it may. */
export function above(what: string, took: number, limit: number): string[] {
  return took <= limit ? [] : [`${what}: ${ms(took)} instead of at most ${limit} ms`]
}
