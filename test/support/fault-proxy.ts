/** A TCP proxy that misbehaves when told to, between two programs that believe they talk to one another. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { seededRandom } from '#server-kit/random.ts'
import { FaultyWay } from './faulty-way.ts'

/** How long each piece waits, in order. */
export interface Latency {
  /** Of the answer. */
  readonly ms: number
  /** Of the request; default 0. */
  readonly requestMs?: number
  /** Up to so much is added, each way; default 0. */
  readonly jitterMs?: number
  /** Of 1,000 pieces so many wait so much longer: a lost packet that is sent again; default none. */
  readonly stalls?: { readonly perMille: number; readonly ms: number }
}

export type Fault =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'latency' } & Latency)
  /** Connections are reset after so many more bytes of answer (0: with the next one). */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Connections are accepted and stay open, and nothing passes in either direction. */
  | { readonly kind: 'black-hole' }
  /** What is open loses its other end and is never told; new connections pass. Being mended does not bring them back. */
  | { readonly kind: 'half-open' }
  /** Each connection, each way, at most; 1: a byte a second. */
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number }
  /** Nobody listens; what was open is reset. */
  | { readonly kind: 'refuse' }

export interface FaultProxyOptions {
  /** Of the way itself, whatever else is wrong with it; a `latency` fault stands in its place. */
  readonly latency?: Latency
  /** Of jitter and stalls; default 1. */
  readonly seed?: number
}

export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  /** Holds from when it resolves on, for open connections too. */
  set(fault: Fault): Promise<void>
  /** Connections accepted so far. */
  readonly accepted: number
  close(): Promise<void>
}

const connectionLimit = 2000

/** A proxy on a free port to `targetPort` of 127.0.0.1. */
export async function startFaultProxy(targetPort: number, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const links = new Set<Link>()
  const random = seededRandom(options.seed ?? 1)
  const surroundings = { targetPort, latency: options.latency, random: () => random.next() }
  let fault: Fault = { kind: 'none' }
  let accepted = 0

  const server = createServer((client) => {
    accepted++
    const link = new Link(client, surroundings, fault)
    links.add(link)
    client.once('close', () => links.delete(link))
  })
  server.maxConnections = connectionLimit
  const port = await listen(server, 0)

  const set = async (next: Fault): Promise<void> => {
    const refused = fault.kind === 'refuse'
    fault = next
    for (const link of links) link.suffer(next)
    if (next.kind === 'refuse' && !refused) await shut(server)
    if (next.kind !== 'refuse' && refused) await listen(server, port)
  }
  const close = (): Promise<void> => set({ kind: 'refuse' })

  return {
    port,
    set,
    close,
    get accepted() {
      return accepted
    },
    [Symbol.asyncDispose]: close,
  }
}

interface Surroundings {
  readonly targetPort: number
  readonly latency: Latency | undefined
  readonly random: () => number
}

/** One client's connection and its other half. */
class Link {
  readonly #client: Socket
  readonly #target: Socket
  readonly #asking: FaultyWay
  readonly #answering: FaultyWay
  readonly #latency: Latency | undefined
  #fault: Fault
  /** The other end is gone, and this one is not told. */
  #silent = false

  constructor(client: Socket, { targetPort, latency, random }: Surroundings, fault: Fault) {
    this.#client = client
    this.#target = connect({ port: targetPort, host: '127.0.0.1' })
    this.#latency = latency
    this.#fault = fault
    client.setNoDelay(true)
    this.#target.setNoDelay(true)
    this.#asking = new FaultyWay(client, this.#target, random, () => this.#reset())
    this.#answering = new FaultyWay(this.#target, client, random, () => this.#reset())
    // One half's failure is the other's: who asked must see what who answers did.
    client.on('error', () => this.#target.destroy()).on('close', () => this.#target.destroy())
    this.#target.on('error', () => this.#lost())
    if (fault.kind !== 'half-open') this.suffer(fault)
    else this.#suffer({ kind: 'none' })
  }

  suffer(fault: Fault): void {
    this.#fault = fault
    if (fault.kind === 'refuse') this.#reset()
    else if (fault.kind === 'half-open') {
      this.#silent = true
      this.#suffer({ kind: 'black-hole' })
      this.#target.destroy()
    } else if (!this.#silent) this.#suffer(fault)
  }

  #suffer(fault: Fault): void {
    const latency = fault.kind === 'latency' ? fault : this.#latency
    const { ms = 0, requestMs = 0, jitterMs = 0, stalls } = latency ?? {}
    const both = {
      held: fault.kind === 'black-hole',
      bytesPerSecond: fault.kind === 'bandwidth' ? fault.bytesPerSecond : Number.POSITIVE_INFINITY,
      jitterMs,
      stalls,
    }
    this.#asking.suffer({ ...both, ms: requestMs, cutAfter: Number.POSITIVE_INFINITY })
    const cutAfter = fault.kind === 'cut' ? fault.afterBytes : Number.POSITIVE_INFINITY
    this.#answering.suffer({ ...both, ms, cutAfter })
  }

  /** In a black hole nobody hears that the other end broke off, either. */
  #lost(): void {
    if (this.#fault.kind === 'black-hole') this.suffer({ kind: 'half-open' })
    else if (!this.#silent) this.#client.resetAndDestroy()
  }

  #reset(): void {
    this.#client.resetAndDestroy()
    this.#target.destroy()
  }
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function shut(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
