import { randomBytes } from 'node:crypto'
import { type FaultProxy, type Latency, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { freePorts } from '../../../test/support/free-port.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { KnownWrites } from './known-writes.ts'
import type { SideOptions } from './side-messages.ts'
import { type News, type SideProcess, startSide } from './side-process.ts'
import type { Violation, WorkloadCounts } from './workload.ts'
import { ZoneServer } from './zone-server.ts'

export const siteNames = ['onprem', 'cloud'] as const
/** 20 ms round trip. */
export const linkLatency: Latency = { ms: 10, requestMs: 10 }

export interface Rates {
  readonly writesPerSecond: number
  readonly readsPerSecond: number
}

export interface SurroundingsOptions {
  readonly strategy: SideOptions['strategy']
  readonly keys: number
  readonly seed: number
  /** The zones stand beside their side, without a proxy, which costs time; default false. */
  readonly direct?: boolean
}

/** Two sides of two real Memcached zones each, 20 ms apart, everything behind fault proxies. */
export interface Surroundings extends AsyncDisposable {
  readonly sides: readonly [SideRunner, SideRunner]
  readonly keys: number
}

export async function openSurroundings({
  strategy,
  keys,
  seed,
  direct = false,
}: SurroundingsOptions): Promise<Surroundings> {
  await using open = new AsyncDisposableStack()
  const folder = open.use(await temporaryFolder())
  const ports = await freePorts(2)
  const secret = randomBytes(32).toString('base64url')
  const runners: SideRunner[] = []
  for (const [at, site] of siteNames.entries()) {
    const zones = [open.use(await ZoneServer.start(`${site}-1`)), open.use(await ZoneServer.start(`${site}-2`))]
    const link = open.use(await startFaultProxy(ports[1 - at] ?? 0, { latency: linkLatency, seed: seed + at }))
    runners.push(
      new SideRunner(zones, link, seed, {
        site,
        other: siteNames[1 - at] ?? '',
        port: ports[at] ?? 0,
        otherOrigin: `http://127.0.0.1:${link.port}`,
        home: folder.file(site),
        zones: zones.map(({ name, address, port }) => ({ name, address: direct ? `127.0.0.1:${port}` : address })),
        writer: at + 1,
        secret,
        strategy,
        keys,
      }),
    )
  }
  const [first, second] = runners as [SideRunner, SideRunner]
  for (const side of [first, second]) {
    side.other = side === first ? second : first
    open.use(side)
    await side.start()
  }
  const all = open.move()
  return { sides: [first, second], keys, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

type Fixed = Omit<SideOptions, 'seed' | 'clockOffsetMs'>

/** One side through all lives of its process, and what it acknowledged in them. */
export class SideRunner {
  readonly zones: readonly ZoneServer[]
  /** From here to the other site. */
  readonly link: FaultProxy
  readonly fixed: Fixed
  /** Acknowledged here, in whatever life. */
  readonly known: KnownWrites
  /** Acknowledged at the other site, which says that this one has all of it. */
  readonly told: KnownWrites
  readonly violations = new Map<string, Violation>()
  /** By key, the longest life that anybody gave it, true Unix ms. */
  readonly livesUntil = new Map<number, number>()
  other: SideRunner | undefined
  clockOffsetMs = 0
  /** When the other side's first records came in this life, Unix ms. */
  receivedAtMs: number | undefined
  readonly #seed: number
  #process: SideProcess | undefined
  #rates: Rates | undefined
  #life = 0
  #before: WorkloadCounts = nothing
  #now: WorkloadCounts = nothing

  constructor(zones: readonly ZoneServer[], link: FaultProxy, seed: number, fixed: Fixed) {
    this.zones = zones
    this.link = link
    this.fixed = fixed
    this.#seed = seed
    this.known = new KnownWrites(fixed.keys)
    this.told = new KnownWrites(fixed.keys)
  }

  get process(): SideProcess {
    if (this.#process === undefined) throw new Error(`the side ${this.fixed.site} does not run`)
    return this.#process
  }

  get counts(): WorkloadCounts {
    return sum(this.#before, this.#now)
  }

  /** Another life, with what was known in the last one. */
  async start(): Promise<void> {
    this.receivedAtMs = undefined
    const seed = this.#seed + 1_000 * this.#life++ + this.fixed.writer
    const options = { ...this.fixed, seed, clockOffsetMs: this.clockOffsetMs }
    this.#process = await startSide(options, (news) => this.#hear(news))
    await this.#process.ask({ do: 'know', own: this.known.all(), told: this.told.all() })
    await this.#process.ask({ do: 'clock', offsetMs: this.clockOffsetMs, apartMs })
    if (this.#rates !== undefined) await this.#process.ask({ do: 'run', ...this.#rates })
  }

  async kill(): Promise<void> {
    await this.#process?.kill()
    this.#process = undefined
    this.#before = this.counts
    this.#now = nothing
  }

  async run(rates: Rates): Promise<void> {
    this.#rates = rates
    await this.process.ask({ do: 'run', ...rates })
  }

  async stop(): Promise<void> {
    this.#rates = undefined
    await this.process.ask({ do: 'stop' })
  }

  async setClock(offsetMs: number): Promise<void> {
    this.clockOffsetMs = offsetMs
    await this.process.ask({ do: 'clock', offsetMs, apartMs })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  #hear(news: News): void {
    if (news.tell === 'acknowledged') {
      this.known.learn(news.raised)
      this.#now = news.counts
    } else if (news.tell === 'settled') this.other?.learn(news.raised)
    else if (news.tell === 'received') this.receivedAtMs = news.atMs
    else if (news.tell === 'found') this.#found(news.violation)
    else
      for (const [index, untilMs] of news.lives)
        this.livesUntil.set(index, Math.max(untilMs, this.livesUntil.get(index) ?? 0))
  }

  learn(told: BigUint64Array): void {
    this.told.learn(told)
    // One that is down hears it when it starts.
    this.#process?.tell({ do: 'know', own: new BigUint64Array(), told })
  }

  #found(violation: Violation): void {
    this.violations.set(`${violation.kind} ${violation.index} ${violation.text.split(' < ')[1] ?? ''}`, violation)
  }
}

/** Clocks are wrong by 2 s at most, ahead or behind: two of them by twice that. */
export const wrongByMs = 2_000
export const apartMs = 2 * wrongByMs

const nothing: WorkloadCounts = { writes: 0, acknowledged: 0, invalidations: 0, failed: 0, reads: 0, hits: 0 }

export function sum(a: WorkloadCounts, b: WorkloadCounts): WorkloadCounts {
  return {
    writes: a.writes + b.writes,
    acknowledged: a.acknowledged + b.acknowledged,
    invalidations: a.invalidations + b.invalidations,
    failed: a.failed + b.failed,
    reads: a.reads + b.reads,
    hits: a.hits + b.hits,
  }
}
