/** When a change of a placement holds where it matters: at each gateway, and at the edge. */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { signCall } from '#routes/call.ts'
import { type EdgeStatus, type GatewayStatus, headers, paths } from '#routes/messages.ts'
import { KeyRing, type RingFile } from '#routes/seal.ts'
import type { ChangeAnswer } from '../../../control-plane/api-client/schema.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { nowMs } from '../open-loop.ts'
import type { RunningSystem } from '../start-system.ts'

export interface FlipFigures {
  readonly answer: ChangeAnswer
  readonly startedAt: number
  /** From the call until both gateways have acknowledged it and their status holds its number, ms. */
  readonly gatewaysMs: number
  /** From the call until the edge's signed status holds its number, ms. */
  readonly edgeMs: number
}

const statusTarget = `${paths.edge}/status`
const deadlineMs = 5_000
const lookEveryMs = 20

export class FlipClock {
  readonly #system: RunningSystem
  readonly #edgeRing: KeyRing
  readonly #edge: string

  private constructor(system: RunningSystem, edgeRing: KeyRing, edge: string) {
    this.#system = system
    this.#edgeRing = edgeRing
    this.#edge = edge
  }

  /** `edge`: URL of the edge that is looked at. */
  static async open(system: RunningSystem, edge = system.demo.edge): Promise<FlipClock> {
    const file = JSON.parse(await readFile(join(system.home, 'keys/edge-control.json'), 'utf8')) as RingFile
    const ring = await KeyRing.open(file)
    if (ring === undefined) throw new Error('the key that edge and control plane share cannot be read')
    return new FlipClock(system, ring, edge)
  }

  async measure(change: () => Promise<ChangeAnswer>): Promise<FlipFigures> {
    const startedAt = nowMs()
    const answer = await change()
    if (answer.waiting.length > 0 || answer.gateways.length < 2)
      throw new Error(`not every gateway acknowledged table ${answer.table}: ${JSON.stringify(answer)}`)
    const sites = Object.values(this.#system.demo.gateways)
    await Promise.all(sites.map(({ internal }) => this.#until(answer.table, () => this.#heldByGateway(internal))))
    const gatewaysMs = nowMs() - startedAt
    await this.#until(answer.table, () => this.#heldByEdge())
    return { answer, startedAt, gatewaysMs, edgeMs: nowMs() - startedAt }
  }

  /** When the last request came that an edge had routed by an older table, as gateways counted it; ms since 1970. */
  async lastByOlderTable(table: number): Promise<number | undefined> {
    const { colos } = await this.#system.client.adoption(table)
    const below = colos.flatMap(({ lastBelow }) => (lastBelow === undefined ? [] : [lastBelow]))
    return below.length === 0 ? undefined : Math.max(...below)
  }

  async #until(table: number, held: () => Promise<number>): Promise<void> {
    await eventually(async () => (await held()) >= table, { deadlineMs, everyMs: lookEveryMs, what: `table ${table}` })
  }

  async #heldByGateway(internal: string): Promise<number> {
    const authorization = `Bearer ${this.#system.demo.opsToken}`
    const answer = await fetch(internal + paths.gatewayStatus, { headers: { authorization } })
    const { held } = (await answer.json()) as GatewayStatus
    return held?.placements.number ?? 0
  }

  async #heldByEdge(): Promise<number> {
    const call = { method: 'GET', target: statusTarget, body: new Uint8Array(), audience: 'edge' }
    const signature = await signCall(call, this.#edgeRing, Date.now(), randomUUID())
    const answer = await fetch(this.#edge + statusTarget, { headers: { [headers.call]: signature } })
    const { held } = (await answer.json()) as EdgeStatus
    return held?.placements.number ?? 0
  }
}
