/** Tables and configurations that change a gateway under its visitors. */
import { readFile, writeFile } from 'node:fs/promises'
import { parse, stringify } from 'yaml'
import type { HeldNumbers } from '#routes/messages.ts'
import type { RunningGateway } from '../../../test/gateway/bed.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { inspected, inspectHeap } from './inspected-heap.ts'
import { type LivingGateway, openLivingGateway } from './living-gateway.ts'
import { quantile, type Seen, Visitors } from './visitors.ts'

export interface ReloadingOptions {
  readonly reloads: number
  /** Of each table. */
  readonly routes: number
  readonly perSecond: number
  readonly sockets: number
  readonly tell: (line: string) => void
}

export interface ReloadingResult {
  readonly seen: Seen
  readonly tables: number
  readonly configurations: number
  /** After a forced collection, before and after the reloads. */
  readonly heapBytes: { readonly before: number; readonly after: number }
  /** p99 of requests, ms. */
  readonly p99Ms: { readonly before: number; readonly during: number }
  /** The longest that the event loop stood still, of both halves, ms. */
  readonly pauseMs: number
}

/** Both kinds have been loaded so often before the heap is measured: code and caches are warm. */
const warmUps = 40

/** A table and a configuration in turn, each waited for until it is in force. */
export async function reloadsUnderLoad(options: ReloadingOptions): Promise<ReloadingResult> {
  await using living = await openLivingGateway()
  const gateway = await living.start({}, [], inspected)
  await using heap = await inspectHeap(gateway.process)
  await using visitors = new Visitors({ url: gateway.public, ...options, streams: 0 })
  const reloads = new Reloads(living, gateway, options.routes)
  await reloads.run(warmUps)
  const from = visitors.seen.tookMs.length
  await wait(3_000)
  const quiet = visitors.seen.tookMs.slice(from)
  const before = await heap.used()
  const then = visitors.seen.tookMs.length
  for (let done = 0; done < options.reloads; ) {
    const step = Math.min(100, options.reloads - done)
    await reloads.run(step)
    done += step
    options.tell(`${done} reloads: ${visitors.failed} failures, heap ${megabytes(await heap.used())}`)
  }
  const during = visitors.seen.tookMs.slice(then)
  const after = await heap.used()
  await visitors.stop()
  return {
    seen: visitors.seen,
    tables: reloads.tables - warmUps / 2,
    configurations: reloads.configurations - warmUps / 2,
    heapBytes: { before, after },
    p99Ms: { before: quantile(quiet, 0.99), during: quantile(during, 0.99) },
    pauseMs: quantile(reloads.pausesMs, 1),
  }
}

/** The control: the same change by ending the process and starting another. */
export async function reloadByRestart(options: ReloadingOptions): Promise<Seen> {
  await using living = await openLivingGateway()
  const gateway = await living.start({ drain: { notice: '0s', limit: '1s' } })
  await using visitors = new Visitors({ url: gateway.public, ...options, streams: 0 })
  await eventually(() => visitors.seen.echoes >= options.sockets, { what: 'open WebSockets' })
  await gateway.process.stop()
  await living.start({ listen: { public: `127.0.0.1:${gateway.port}`, internal: '127.0.0.1:0' } })
  await wait(1_000)
  await visitors.stop()
  return visitors.seen
}

export const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`

class Reloads {
  tables = 0
  configurations = 0
  readonly pausesMs: number[] = []
  readonly #living: LivingGateway
  readonly #gateway: RunningGateway
  readonly #routes: number

  constructor(living: LivingGateway, gateway: RunningGateway, routes: number) {
    this.#living = living
    this.#gateway = gateway
    this.#routes = routes
  }

  async run(count: number): Promise<void> {
    for (let at = 0; at < count; at++) {
      if (at % 2 === 0) await this.#table()
      else await this.#configuration()
    }
    await this.#pause()
  }

  async #table(): Promise<void> {
    const number = ++this.tables + 1
    await this.#living.writeTable(number, this.#routes)
    const held = async () => {
      const answer = await this.#gateway.ask('/gateway/v1/status')
      return ((await answer.json()) as { held: HeldNumbers }).held.structure.number === number
    }
    await eventually(held, { everyMs: 5, deadlineMs: 20_000, what: `table ${number}` })
  }

  /** Of four: one keeps the parts, one makes the connections to services anew, one the phases alone. */
  async #configuration(): Promise<void> {
    const turn = this.configurations++ % 4
    const yaml = parse(await readFile(this.#gateway.file, 'utf8')) as Record<string, unknown>
    const next = {
      ...yaml,
      trustedProxies: [`10.0.0.${turn}/32`],
      via: turn < 2 ? 'tidegate' : 'other',
      limits: { hold: `${turn + 1}s`, deploymentConnections: turn % 2 === 0 ? 256 : 255 },
    }
    await writeFile(this.#gateway.file, stringify(next))
    const answer = await this.#gateway.ask('/gateway/v1/reload', { method: 'POST' })
    if (answer.status !== 200) throw new Error(`the configuration was refused: ${await answer.text()}`)
  }

  /** The metric counts from one look to the next. */
  async #pause(): Promise<void> {
    const text = await (await this.#gateway.ask('/metrics')).text()
    const seconds = /^tidegate_nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1]
    this.pausesMs.push(Number(seconds ?? Number.NaN) * 1_000)
  }
}

function wait(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs))
}
