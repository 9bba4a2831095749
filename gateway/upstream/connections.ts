import type { Socket } from 'node:net'
import { type buildConnector, Client, type Dispatcher } from 'undici'
import type { Clock } from '#server-kit/clock.ts'
import { withoutBrackets } from './connector.ts'
import { type IdleLimit, timeoutSaid } from './keep-alive.ts'
import type { LoopLag } from './loop-lag.ts'

/**
 * Which connection a request may take: `any` that is still within the idle limit; a `young` one, since the request may
 * not be sent twice; or a `fresh` one.
 */
export type Age = 'any' | 'young' | 'fresh'

export interface ConnectionsOptions {
  readonly origin: string
  /** At most so many at once; further requests wait their turn. */
  readonly connections: number
  readonly idle: IdleLimit
  readonly clock: Clock
  readonly lag: LoopLag
  /** Opens a socket; `connectMs` is the route's. */
  readonly connector: (connectMs: number) => Connector
  readonly events: ConnectionEvents
}

export interface ConnectionEvents {
  /** A request met a connection that the service was closing. */
  stale(): void
  /** An answer broke off in its body. */
  broken(): void
}

/** What a handler is given as its context, when its request is written. */
export interface Carrier {
  /** Whether bytes came behind an answer, with its last ones: true from the turn after its end on. */
  readonly surplus: boolean
}

type Connector = ReturnType<typeof buildConnector>
type DispatchOptions = Dispatcher.DispatchOptions
type Handler = Dispatcher.DispatchHandler

interface Waiting {
  readonly options: DispatchOptions
  readonly handler: Handler
  readonly age: Age
  readonly connectMs: number
}

/**
 * The connections to one endpoint, one undici Client each, so that we choose which one a request takes: its own Pool knows
 * no ages. The youngest idle one goes first, so that a surplus grows old and is closed.
 */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #all = new Set<Connection>()
  /** Oldest first. */
  readonly #idle: Connection[] = []
  readonly #waiting: Waiting[] = []
  #sweeper: NodeJS.Timeout | undefined
  #retired = false
  #opened = 0
  #whenEmpty: (() => void) | undefined

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  dispatch(options: DispatchOptions, handler: Handler, age: Age, connectMs: number): void {
    const connection = this.#take(age, connectMs)
    if (connection === undefined) this.#waiting.push({ options, handler, age, connectMs })
    // One turn of the event loop here and one in undici: a close that has reached this machine is seen before the request
    // is written, however busy this process is.
    else if (age === 'young' && connection.ageMs !== fresh) setImmediate(carryLater, connection, options, handler)
    else connection.carry(options, handler)
  }

  get open(): number {
    return this.#all.size
  }

  /** Connections made so far. */
  get opened(): number {
    return this.#opened
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** What is under way ends; nothing is kept for later. Resolves when the last connection is closed. */
  retire(): Promise<void> {
    this.#retired = true
    clearTimeout(this.#sweeper)
    for (const connection of this.#idle.splice(0)) this.#close(connection)
    if (this.#all.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenEmpty = resolve
    })
  }

  /** Ends everything at once. */
  async destroy(): Promise<void> {
    this.#retired = true
    clearTimeout(this.#sweeper)
    await Promise.all([...this.#all].map(({ client }) => client.destroy()))
    this.#all.clear()
    this.#idle.length = 0
  }

  #take(age: Age, connectMs: number): Connection | undefined {
    const { clock, idle, connections, lag } = this.#options
    if (age !== 'fresh' && this.#idle.length > 0) {
      const now = clock.monotonic()
      const limitMs = age === 'any' ? idle.limitMs(now) : idle.youngMs(now) - Math.max(0, lag.ms)
      const youngest = this.#idle[this.#idle.length - 1] as Connection
      const ageMs = now - youngest.idleSince
      if (ageMs < limitMs) {
        this.#idle.pop()
        youngest.ageMs = ageMs
        return youngest
      }
    }
    // None will do: the place of the oldest is given to a fresh one.
    const oldest = this.#all.size >= connections ? this.#idle.shift() : undefined
    if (oldest !== undefined) this.#close(oldest)
    return this.#all.size >= connections ? undefined : this.#open(connectMs)
  }

  #open(connectMs: number): Connection {
    const { origin, connector } = this.#options
    const connection = new Connection(this, new URL(origin), connector(connectMs))
    this.#all.add(connection)
    this.#opened++
    connection.client.on('disconnect', (_origin, _targets, error) => this.#disconnected(connection, error))
    return connection
  }

  /** The request on it has its whole answer. */
  release(connection: Connection, keepAliveMs: number | undefined): void {
    const { clock, idle } = this.#options
    const now = clock.monotonic()
    idle.said(keepAliveMs, now)
    if (!this.#all.has(connection)) return
    connection.idleSince = now
    connection.ageMs = 0
    const limitMs = idle.limitMs(now)
    if (this.#retired || limitMs === 0) {
      // When all that came with its last bytes is read: bytes behind an answer tell something of it (`Carrier`).
      queueMicrotask(() => this.drop(connection))
      return
    }
    const next = this.#waiting[0]
    if (next === undefined) {
      this.#idle.push(connection)
      this.#sweeper ??= setTimeout(() => this.#sweep(), limitMs).unref()
    } else if (next.age === 'any' || (next.age === 'young' && idle.youngMs(now) > 0)) {
      this.#waiting.shift()
      // A turn later: only then does undici hold the connection for an idle one and look for what came behind the answer,
      // which would else be taken for the next one.
      setImmediate(carryLater, connection, next.options, next.handler)
    } else {
      queueMicrotask(() => this.drop(connection))
    }
  }

  /** It is not to be used again. */
  drop(connection: Connection): void {
    this.#close(connection)
    const next = this.#waiting[0]
    if (next === undefined || this.#all.size >= this.#options.connections) return
    this.#waiting.shift()
    this.#open(next.connectMs).carry(next.options, next.handler)
  }

  /** A request met its end on a connection that had been idle for `ageMs`. */
  stale(ageMs: number): void {
    const { clock, idle, events } = this.#options
    idle.closed(ageMs, clock.monotonic())
    events.stale()
    this.#sweep()
  }

  broken(): void {
    this.#options.events.broken()
  }

  #disconnected(connection: Connection, error: Error & { readonly code?: string }): void {
    if (!this.#all.has(connection) || connection.ageMs === fresh) return
    const at = this.#idle.indexOf(connection)
    if (at >= 0) {
      this.#idle.splice(at, 1)
      this.#close(connection)
    } else {
      // A request was given to it and not yet written: undici sends that on a new connection.
      connection.ageMs = fresh
    }
    // undici's own word for what we did ourselves, or for a `Connection: close` of the service.
    if (error.code === 'UND_ERR_INFO') return
    const { clock, idle } = this.#options
    const now = clock.monotonic()
    idle.closed(now - connection.idleSince, now)
    this.#sweep()
  }

  #close(connection: Connection): void {
    if (!this.#all.delete(connection)) return
    connection.client.destroy(null, closed)
    if (this.#all.size === 0) this.#whenEmpty?.()
  }

  /** Closes what is idle beyond the limit, and looks again when the next one will be. */
  #sweep(): void {
    const { clock, idle } = this.#options
    const now = clock.monotonic()
    const limitMs = idle.limitMs(now)
    let oldest = this.#idle[0]
    while (oldest !== undefined && now - oldest.idleSince >= limitMs) {
      this.#idle.shift()
      this.#close(oldest)
      oldest = this.#idle[0]
    }
    clearTimeout(this.#sweeper)
    this.#sweeper =
      oldest === undefined
        ? undefined
        : setTimeout(() => this.#sweep(), Math.max(1, limitMs - (now - oldest.idleSince))).unref()
  }
}

/** Time-outs of a request are the caller's (`call.ts`), of an idle connection ours: undici's own are exact to a second only. */
const clientOptions = {
  pipelining: 1,
  keepAliveTimeout: 600_000,
  keepAliveMaxTimeout: 600_000,
  keepAliveTimeoutThreshold: 1_000,
  headersTimeout: 0,
  bodyTimeout: 0,
  maxHeaderSize: 64 * 1024,
} as const

/** What undici says of a connection that it ends itself, behind a `Connection: close` too, and of one that we gave up. */
const ours: ReadonlySet<unknown> = new Set(['UND_ERR_INFO', 'UND_ERR_DESTROYED'])

const fresh = -1
const stale = new WeakSet<object>()

/** The failure is one of a connection that had been idle, and not of the endpoint. */
export function isStale(error: unknown): boolean {
  return typeof error === 'object' && error !== null && stale.has(error)
}

class Connection implements Carrier {
  readonly client: Client
  readonly #owner: Connections
  readonly #origin: URL
  readonly #connect: Connector
  /** Connected, and not yet taken over by the client. */
  #socket: Socket | undefined
  /** The one that the client has. */
  #carrying: Socket | undefined
  #connected = false
  idleSince = 0
  /** How long it had been idle when it was taken, ms; `fresh`: it had carried nothing. */
  ageMs = fresh

  constructor(owner: Connections, origin: URL, connect: Connector) {
    this.#owner = owner
    this.#origin = origin
    this.#connect = connect
    this.client = new Client(origin, { ...clientOptions, connect: (at, callback) => this.#handOver(at, callback) })
  }

  /**
   * It is connected before undici sees the request: undici destroys the body of one that it could not connect for, and a
   * body that nobody has read can still be sent elsewhere.
   */
  carry(options: DispatchOptions, handler: Handler): void {
    const ride = new Ride(this, this.#owner, handler)
    if (this.#connected) {
      this.client.dispatch(options, ride)
      return
    }
    const { host, hostname, protocol, port } = this.#origin
    this.#connect({ host, hostname: withoutBrackets(hostname), protocol, port }, (error, socket) => {
      if (error !== null) {
        ride.onResponseError(neverStarted, error)
        return
      }
      this.#connected = true
      this.#socket = socket
      this.client.dispatch(options, ride)
    })
  }

  #handOver(...[at, callback]: Parameters<Connector>): void {
    const socket = this.#socket
    this.#socket = undefined
    // Not at once: undici does not look for requests again while it asks for a connection.
    if (socket !== undefined && !socket.destroyed) {
      this.#carrying = socket
      queueMicrotask(() => callback(null, socket))
      return
    }
    this.#connect(at, (...connected) => {
      this.#carrying = connected[1] ?? undefined
      callback(...connected)
    })
  }

  /** undici ends the connection over them while it reads, and tells of it only when nobody asks any more. */
  get surplus(): boolean {
    const cause = this.#carrying?.errored
    return cause != null && !('code' in cause && ours.has(cause.code))
  }
}

/** For whoever is told that a request did not even begin. */
const neverStarted: Dispatcher.DispatchController = {
  aborted: false,
  paused: false,
  reason: null,
  abort: () => {},
  pause: () => {},
  resume: () => {},
}

/** One request on one connection: passes everything on, and learns what becomes of the connection. */
class Ride implements Handler {
  readonly #connection: Connection
  readonly #owner: Connections
  readonly #handler: Handler
  #keepAliveMs: number | undefined
  #state: 'waiting' | 'written' | 'answered' | 'over' = 'waiting'

  constructor(connection: Connection, owner: Connections, handler: Handler) {
    this.#connection = connection
    this.#owner = owner
    this.#handler = handler
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#state = 'written'
    this.#handler.onRequestStart?.(controller, this.#connection)
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Parameters<NonNullable<Handler['onRequestUpgrade']>>[2],
    socket: Parameters<NonNullable<Handler['onRequestUpgrade']>>[3],
  ): void {
    // The socket is the tunnel's from now on.
    this.#state = 'over'
    this.#owner.drop(this.#connection)
    this.#handler.onRequestUpgrade?.(controller, status, headers, socket)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Parameters<NonNullable<Handler['onResponseStart']>>[2],
    reason?: string,
  ): void {
    this.#state = 'answered'
    const said = headers['keep-alive']
    if (typeof said === 'string') this.#keepAliveMs = timeoutSaid(said)
    this.#handler.onResponseStart?.(controller, status, headers, reason)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk)
  }

  onResponseEnd(
    controller: Dispatcher.DispatchController,
    trailers: Parameters<NonNullable<Handler['onResponseEnd']>>[1],
  ): void {
    this.#state = 'over'
    this.#owner.release(this.#connection, this.#keepAliveMs)
    this.#handler.onResponseEnd?.(controller, trailers)
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    const before = this.#state
    this.#state = 'over'
    const { ageMs } = this.#connection
    if (before !== 'over') this.#owner.drop(this.#connection)
    if (isClosing(error)) {
      if (before === 'answered') this.#owner.broken()
      else if (before === 'written' && ageMs !== fresh) {
        stale.add(error)
        this.#owner.stale(ageMs)
      }
    }
    this.#handler.onResponseError?.(controller, error)
  }
}

/** The other side ended the connection; nothing of ours is told by these. */
function isClosing(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}

function carryLater(connection: Connection, options: DispatchOptions, handler: Handler): void {
  connection.carry(options, handler)
}

/** Nobody waits for the last packets of a connection that is given up. */
function closed(): void {}
