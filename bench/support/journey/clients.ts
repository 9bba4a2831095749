/** The clients of one run: their steady load through the edge, single requests beside it, and all that they saw. */
import { Pool } from 'undici'
import type { Random } from '../../../test/properties/generators/random.ts'
import { nowMs, OpenLoop, send } from '../open-loop.ts'
import type { RunningSystem } from '../start-system.ts'
import { auditWrites, type LedgerVerdict, readExecutions } from '../write-ledger.ts'
import { judge, mixed, type Request, type Seen } from './requests.ts'
import type { User } from './users.ts'

export interface ClientsOptions {
  readonly perSecond: number
  readonly users: readonly User[]
  readonly random: Random
  /** Begins each write id: several runs on one system are told apart by it. */
  readonly run: string
  /** Of the edge that they use. Default: the system's own. */
  readonly url?: string
}

export class Clients implements AsyncDisposable {
  /** Of the load, in the order of the answers. */
  readonly seen: Seen[] = []
  readonly #system: RunningSystem
  readonly #run: string
  readonly #load: OpenLoop<Request>
  readonly #pool: Pool
  readonly #perSecond: number
  readonly #startedAt = nowMs()
  #endedAt: number | undefined
  #ended: Promise<void> | undefined

  constructor(system: RunningSystem, { perSecond, users, random, run, url = system.demo.edge }: ClientsOptions) {
    this.#system = system
    this.#run = run
    this.#perSecond = perSecond
    this.#pool = new Pool(url, { connections: 64, pipelining: 1 })
    this.#load = new OpenLoop({
      url,
      perSecond,
      // Below the moment that a process of the edge gathers its clients before it ends: one that was idle for longer may be
      // closed under the next request, and what is no GET could not be sent again.
      idleMs: 40,
      again: true,
      next: mixed(users, random, run),
      seen: (outcome) => this.seen.push(judge(outcome)),
    }).start()
  }

  /** One request beside the load: the caller judges it. */
  async ask(request: Request, by: Pool = this.#pool): Promise<Seen> {
    return judge(await send(by, request))
  }

  /** Resolves when nothing of the load is under way; what comes due leaves with `resume`. */
  pause(): Promise<void> {
    return this.#load.pause()
  }

  resume(): void {
    this.#load.resume()
  }

  /** What the load was to send so far: fewer would be a loader that waited for the system. */
  get planned(): number {
    return Math.floor((((this.#endedAt ?? nowMs()) - this.#startedAt) / 1_000) * this.#perSecond)
  }

  get failed(): readonly Seen[] {
    return this.seen.filter(({ fault }) => fault !== undefined)
  }

  /** Answers to requests that left at `at` (ms since 1970) or later. */
  since(at: number): readonly Seen[] {
    return this.seen.filter(({ sentAt }) => sentAt >= at)
  }

  /** Sends no more; resolves when everything is answered. */
  stop(): Promise<void> {
    this.#endedAt ??= nowMs()
    this.#ended ??= this.#load.stop()
    return this.#ended
  }

  /** What users were told about their writes against what services executed; for after `stop`. */
  audit(): LedgerVerdict {
    const acknowledged = this.seen.flatMap(({ request: { writeId }, site, fault }): [string, string][] =>
      writeId === undefined || site === undefined || fault !== undefined ? [] : [[writeId, site]],
    )
    const executions = readExecutions(Object.values(this.#system.executions))
    return auditWrites(
      new Map(acknowledged),
      executions.filter(({ writeId }) => writeId?.startsWith(`${this.#run}-`)),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.#pool.close()
  }
}
