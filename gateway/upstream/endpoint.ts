import { buildConnector, Dispatcher, Pool } from 'undici'
import { murmur3 } from '#routes/bucket.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Line } from './call.ts'
import type { Candidate } from './choose.ts'
import { type Age, type ConnectionEvents, Connections } from './connections.ts'
import { tellingResets, withoutAddress, withoutBrackets } from './connector.ts'
import { Health } from './health.ts'
import { IdleLimit } from './keep-alive.ts'
import type { LoopLag } from './loop-lag.ts'
import { Reputation } from './outlier.ts'
import type { TlsOptions } from './upstream-tls.ts'

export interface EndpointOptions {
  /** `http(s)://address:port`: where it is connected to. */
  readonly origin: string
  readonly tls: TlsOptions
  readonly protocol: 'http/1.1' | 'h2' | 'h2c'
  readonly connections: number
  readonly idleMs: number
  readonly clock: Clock
  readonly lag: LoopLag
  readonly events: ConnectionEvents
  /** Of the deployment: counts with the endpoint's own. */
  readonly underWay: { inFlight: number }
}

const slowStartMs = 10_000
/** With less than this share at first, one that starts would not be tried at all. */
const leastWeight = 0.1

/** One instance of a service: its connections, how many requests are on them, and what is known of its health. */
export class Endpoint implements Candidate {
  /** `address:port`, as logs and operators name it. */
  readonly id: string
  readonly origin: string
  readonly seed: number
  readonly health = new Health()
  readonly reputation = new Reputation()
  readonly idle: IdleLimit
  inFlight = 0
  readonly #options: EndpointOptions
  readonly #carrier: Connections | Pool
  readonly #lines = new Map<number, Readonly<Record<Age, Line>>>()
  readonly #connectors = new Map<number, ReturnType<typeof buildConnector>>()
  #startedMs = Number.NEGATIVE_INFINITY

  constructor(options: EndpointOptions) {
    this.#options = options
    this.origin = options.origin
    this.id = new URL(options.origin).host
    this.seed = murmur3(new TextEncoder().encode(this.id))
    this.idle = new IdleLimit(options.idleMs)
    this.#carrier = options.protocol === 'http/1.1' ? this.#connections() : this.#streams()
  }

  get tls(): TlsOptions {
    return this.#options.tls
  }

  open(nowMs: number): boolean {
    return this.health.up && this.reputation.open(nowMs)
  }

  weight(nowMs: number): number {
    const share = (nowMs - this.#startedMs) / slowStartMs
    return share >= 1 ? 1 : Math.max(leastWeight, share)
  }

  /** New among others, or back again: it gets its share little by little. */
  startSlowly(nowMs: number): void {
    this.#startedMs = nowMs
  }

  /** What `call` sends on. */
  line(age: Age, connectMs: number): Line {
    let lines = this.#lines.get(connectMs)
    if (lines === undefined) {
      const line = (of: Age) => new EndpointLine(this, this.#options.underWay, this.#way(of, connectMs))
      lines = { any: line('any'), young: line('young'), fresh: line('fresh') }
      this.#lines.set(connectMs, lines)
    }
    return lines[age]
  }

  get connections(): { readonly open: number; readonly opened: number; readonly waiting: number } {
    if (this.#carrier instanceof Connections) return this.#carrier
    const { connected, queued } = this.#carrier.stats
    return { open: connected, opened: connected, waiting: queued }
  }

  /** What is under way ends, then the connections do. */
  async retire(): Promise<void> {
    await (this.#carrier instanceof Connections ? this.#carrier.retire() : this.#carrier.close())
  }

  async destroy(): Promise<void> {
    await this.#carrier.destroy()
  }

  #way(age: Age, connectMs: number): Dispatcher {
    const { protocol, hostname } = new URL(this.origin)
    const servername = protocol === 'https:' ? (this.#options.tls.servername ?? withoutBrackets(hostname)) : undefined
    return new Way({ carrier: this.#carrier, age, connectMs, servername })
  }

  #connections(): Connections {
    const { origin, connections, clock, lag, events } = this.#options
    const connector = (connectMs: number) => this.#connector(connectMs)
    return new Connections({ origin, connections, idle: this.idle, clock, lag, connector, events })
  }

  /** One connector a connect time-out: it keeps the TLS sessions that later connections resume. */
  #connector(connectMs: number): ReturnType<typeof buildConnector> {
    let connector = this.#connectors.get(connectMs)
    if (connector === undefined) {
      connector = tellingResets(withoutAddress(buildConnector({ ...this.#options.tls, timeout: connectMs })))
      this.#connectors.set(connectMs, connector)
    }
    return connector
  }

  /** HTTP/2 carries many requests on one connection: ages are the protocol's own business (GOAWAY). */
  #streams(): Pool {
    const { origin, tls, protocol, idleMs } = this.#options
    const connect: H2ConnectOptions = { ...tls, timeout: h2ConnectMs, allowH2: true, useH2c: protocol === 'h2c' }
    return new Pool(origin, {
      connections: 4,
      allowH2: true,
      pipelining: 100,
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: idleMs,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 64 * 1024,
      connect: withoutAddress(buildConnector(connect)),
    })
  }
}

/** Connections of HTTP/2 are shared by routes, so that no route's own time-out can hold for them. */
const h2ConnectMs = 1_000

/** Its types leave out one option that it takes. */
type H2ConnectOptions = buildConnector.BuildOptions & { useH2c: boolean }

interface WayOptions {
  readonly carrier: Connections | Pool
  readonly age: Age
  readonly connectMs: number
  readonly servername: string | undefined
}

/** One endpoint's connections, seen by a request of some age and connect time-out. */
class Way extends Dispatcher {
  readonly #options: WayOptions

  constructor(options: WayOptions) {
    super()
    this.#options = options
  }

  override dispatch(options: DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const { carrier, age, connectMs, servername } = this.#options
    // Else undici takes the Host field for it: the client's word would choose the certificate, and each other Host would
    // cost a connection.
    if (servername !== undefined) options.servername = servername
    if (carrier instanceof Connections) carrier.dispatch(options, handler, age, connectMs)
    else carrier.dispatch(options, handler)
    return true
  }
}

/** Its types leave out one option that it takes. */
type DispatchOptions = Dispatcher.DispatchOptions & { servername?: string }

/** All lines of an endpoint count together, and in its deployment. */
class EndpointLine implements Line {
  readonly pool: Dispatcher
  readonly #endpoint: Endpoint
  readonly #underWay: { inFlight: number }

  constructor(endpoint: Endpoint, underWay: { inFlight: number }, pool: Dispatcher) {
    this.#endpoint = endpoint
    this.#underWay = underWay
    this.pool = pool
  }

  get inFlight(): number {
    return this.#endpoint.inFlight
  }

  set inFlight(count: number) {
    this.#underWay.inFlight += count - this.#endpoint.inFlight
    this.#endpoint.inFlight = count
  }
}
