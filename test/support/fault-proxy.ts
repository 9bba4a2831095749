/** A TCP proxy that misbehaves when told to, between two programs that believe they talk to one another. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export type Fault =
  | { readonly kind: 'none' }
  /** Each piece of the answer waits so long, in order; `requestMs`: so does each piece of the request. */
  | { readonly kind: 'latency'; readonly ms: number; readonly requestMs?: number }
  /** Connections are reset after so many more bytes of answer (0: with the next one). */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Connections are accepted and stay open, and nothing passes in either direction. */
  | { readonly kind: 'black-hole' }
  /** Nobody listens; what was open is reset. */
  | { readonly kind: 'refuse' }

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
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const links = new Set<Link>()
  let fault: Fault = { kind: 'none' }
  let accepted = 0

  const server = createServer((client) => {
    accepted++
    const link = new Link(client, targetPort, fault)
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

/** One client's connection and its other half. */
class Link {
  readonly #client: Socket
  readonly #target: Socket
  #fault: Fault
  #left = Number.POSITIVE_INFINITY
  #previous: Promise<void> = Promise.resolve()
  /** The same for what is asked, and how many pieces of it wait. */
  #asking: Promise<void> = Promise.resolve()
  #asks = 0

  constructor(client: Socket, targetPort: number, fault: Fault) {
    this.#client = client
    this.#target = connect({ port: targetPort, host: '127.0.0.1' })
    this.#fault = fault
    client.setNoDelay(true)
    this.#target.setNoDelay(true)
    client.on('data', (chunk) => this.#ask(chunk))
    this.#target.on('data', (chunk) => this.#answer(chunk))
    // One half's end or failure is the other's: who asked must see what who answers did.
    client.on('end', () => this.#asking.then(() => this.#target.end()))
    this.#target.on('end', () => this.#later(() => client.end()))
    client.on('error', () => this.#target.destroy()).on('close', () => this.#target.destroy())
    this.#target.on('error', () => client.resetAndDestroy())
    this.suffer(fault)
  }

  suffer(fault: Fault): void {
    this.#fault = fault
    this.#left = fault.kind === 'cut' ? fault.afterBytes : Number.POSITIVE_INFINITY
    if (fault.kind === 'refuse') this.#reset()
    const verb = fault.kind === 'black-hole' ? 'pause' : 'resume'
    this.#client[verb]()
    this.#target[verb]()
  }

  #ask(chunk: Buffer): void {
    const ms = this.#fault.kind === 'latency' ? (this.#fault.requestMs ?? 0) : 0
    if (ms === 0 && this.#asks === 0) {
      this.#forward(this.#client, this.#target, chunk)
      return
    }
    this.#asks++
    const waited = new Promise<void>((resolve) => setTimeout(resolve, ms))
    this.#asking = Promise.all([this.#asking, waited]).then(() => {
      this.#asks--
      this.#forward(this.#client, this.#target, chunk)
    })
  }

  #answer(chunk: Buffer): void {
    const passed = chunk.subarray(0, Math.min(chunk.length, this.#left))
    this.#left -= passed.length
    const cut = passed.length < chunk.length
    this.#later(() => {
      if (!cut) this.#forward(this.#target, this.#client, passed)
      else if (passed.length === 0) this.#reset()
      // The bytes must have left before the reset, or it takes them along.
      else this.#client.write(passed, () => this.#reset())
    })
  }

  /** In order, since a piece that waits less than the one before must not overtake it. */
  #later(act: () => void): void {
    const ms = this.#fault.kind === 'latency' ? this.#fault.ms : 0
    const waited = ms === 0 ? this.#previous : new Promise<void>((resolve) => setTimeout(resolve, ms))
    this.#previous = Promise.all([this.#previous, waited]).then(act)
  }

  /** Holds the sender while the receiver is slow, so that no memory fills. */
  #forward(from: Socket, to: Socket, chunk: Buffer): void {
    if (to.destroyed || to.write(chunk)) return
    from.pause()
    to.once('drain', () => {
      if (this.#fault.kind !== 'black-hole') from.resume()
    })
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
