import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Clock, systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics, type Metrics } from '#server-kit/metrics.ts'
import { ItemCommands } from '../../../gateway/cache-api/item-commands.ts'
import { MemcachedPorts } from '../../../gateway/memcached-port/memcached-ports.ts'
import type { PortYaml } from '../../../gateway/memcached-port/port-settings.ts'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { within } from '../../support/eventually.ts'

export interface OpenPort extends AsyncDisposable {
  readonly port: number
  readonly store: CacheStore
  readonly stamps: StampClock
  readonly metrics: Metrics
  readonly ports: MemcachedPorts
  /** The configuration in force; another one holds from the next command on. */
  yaml: PortYaml
}

export interface OpenPortOptions {
  readonly yaml?: Partial<PortYaml>
  readonly store?: CacheStore
  readonly stamps?: StampClock
  readonly clock?: Clock
}

export const legacy = 'legacy'

const plain: PortYaml = {
  listen: '127.0.0.1:0',
  namespace: legacy,
  verbs: ['read', 'write', 'delete'],
  flushAll: 'deny',
  users: [],
  maxConnections: 100,
  idle: '10m',
  valueLimit: '1MiB',
}

/** One port over a store of this process, as the gateway would open it. */
export async function openPort(options: OpenPortOptions = {}): Promise<OpenPort> {
  const clock = options.clock ?? systemClock
  const store = options.store ?? new MemoryStore({ zone: 'near', clock })
  const stamps = options.stamps ?? new StampClock(clock, 1)
  const metrics = createMetrics()
  const yaml = { ...plain, ...options.yaml }
  let open: OpenPort | undefined
  const ports = new MemcachedPorts({
    ports: [yaml],
    current: () => [open?.yaml ?? yaml],
    path: (file) => file,
    store,
    zones: store,
    items: new ItemCommands({ store, zones: store, stamps, clock, deadlineMs: 1_000 }),
    stamps,
    readDeadlineMs: 1_000,
    admin: {
      route: async () => [{ zone: 'near', node: 'memory' }],
      zones: () => store.health(),
      debt: () => ({ invalidations: 0 }),
      version: '1.2.3',
      configDigest: () => 'abc',
    },
    metrics,
    clock,
    log: silentLog,
  })
  await ports.start()
  open = {
    port: ports.addresses[0]?.port ?? 0,
    store,
    stamps,
    metrics,
    ports,
    yaml,
    [Symbol.asyncDispose]: async () => {
      await ports.stop()
      await store.close()
    },
  }
  return open
}

/** A client that speaks bytes. */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #asked = 0
  readonly #closed: Promise<unknown>
  #news = Promise.withResolvers<void>()

  constructor(socket: Socket) {
    this.socket = socket
    // A reset is an end like another: `once` would take it for a failure.
    this.#closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    socket.on('close', () => this.#wake())
    // What the server broke off is seen by `closed`.
    socket.on('error', () => this.#wake())
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.setNoDelay(true)
    return new RawClient(socket)
  }

  send(text: string | Buffer): this {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
    return this
  }

  /** Everything up to `end`, as one character a byte, and what came is gone. */
  async until(end: string | RegExp, deadlineMs = 10_000): Promise<string> {
    const look = async (): Promise<string> => {
      for (;;) {
        const text = this.#received.toString('latin1')
        const at = typeof end === 'string' ? text.indexOf(end) : text.search(end)
        if (at !== -1) {
          const stop = at + (typeof end === 'string' ? end.length : (end.exec(text)?.[0].length ?? 0))
          this.#received = this.#received.subarray(stop)
          return text.slice(0, stop)
        }
        if (this.socket.destroyed) throw new Error(`closed before ${String(end)}: ${text.slice(-200)}`)
        this.#news = Promise.withResolvers()
        await this.#news.promise
      }
    }
    return within(deadlineMs, `the answer ${String(end)}`, look())
  }

  /** What is answered to `text`: behind it something is asked whose answer is known, and left out. */
  async ask(text: string): Promise<string> {
    const end = `end-${++this.#asked}`
    const answer = `EN k${end}\r\n`
    this.send(`${text}mg ${end} k\r\n`)
    return (await this.until(answer)).slice(0, -answer.length)
  }

  /** All that came until the other side closed. */
  async closed(deadlineMs = 10_000): Promise<string> {
    await within(deadlineMs, 'the end of the connection', this.#closed)
    return this.#received.toString('latin1')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.#closed
  }

  #wake(): void {
    this.#news.resolve()
  }
}
