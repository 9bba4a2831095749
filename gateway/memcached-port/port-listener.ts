import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { HostAndPort } from '../address.ts'
import { problems } from '../errors.ts'
import { Connection } from './connection.ts'
import type { PortCommands } from './port-commands.ts'
import type { PortCounters } from './port-counters.ts'
import type { PortSettings } from './port-settings.ts'
import { Room } from './room.ts'

/** Certificates of a port, as PEM; `ca`: those by which clients are believed, who must show one then. */
export interface PortTls {
  readonly cert: Buffer
  readonly key: Buffer
  readonly ca?: Buffer
}

export interface PortListenerOptions {
  readonly address: HostAndPort
  /** A listening socket that others accept from as well. */
  readonly fd?: number
  readonly tls?: PortTls
  readonly settings: () => PortSettings
  readonly commands: PortCommands
  readonly counters: PortCounters
  readonly clock: Clock
  readonly log: Log
}

/** For what clients of a port have begun to send, in one process. */
const roomBytes = 256 * 1024 * 1024
/** Unread answers of a connection; and when all of them together are above the second, of each. */
const unreadLimitBytes = 16 * 1024 * 1024
const unreadTotalBytes = 512 * 1024 * 1024
const unreadScarceBytes = 64 * 1024
/** Whoever has not said who it is by then is not going to, ms. */
const introductionMs = 30_000
const sweepMs = 1_000
const tooMany = 'ERROR Too many open connections\r\n'
/** Whoever was told so has this long to hang up, ms. */
const partingMs = 1_000
/** Connections beyond the limit that are still told so, or have not ended their TLS handshake; further ones are dropped. */
const partingRoom = 100

/** One port that speaks Memcached's protocol. */
export class PortListener {
  readonly #options: PortListenerOptions
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  readonly #room = new Room(roomBytes)
  #unreadLimitBytes = unreadLimitBytes
  #sweeping: NodeJS.Timeout | undefined
  #idle = Promise.withResolvers<void>()
  #draining = false

  constructor(options: PortListenerOptions) {
    this.#options = options
    const { tls } = options
    // A client may end its half behind its last command and still read the answers.
    const open = { allowHalfOpen: true, noDelay: true }
    const take = (socket: Socket): void => this.#take(socket)
    this.#server =
      tls === undefined
        ? createServer(open, take)
        : createTlsServer(
            {
              ...open,
              cert: tls.cert,
              key: tls.key,
              ...(tls.ca === undefined ? {} : { ca: tls.ca, requestCert: true, rejectUnauthorized: true }),
              handshakeTimeout: introductionMs,
            },
            take,
          )
    this.#server.on('tlsClientError', () => {
      options.counters.refused++
      options.counters.ended('protocol')
    })
    this.#server.on('drop', () => {
      options.counters.refused++
      options.counters.ended('crowded')
    })
    this.#bound()
  }

  /** As bound; known once it listens. */
  get address(): HostAndPort {
    const { address, port } = this.#server.address() as AddressInfo
    return { host: address, port }
  }

  async listen(): Promise<void> {
    const { address, fd } = this.#options
    this.#server.listen(fd === undefined ? address : { fd })
    if (!this.#server.listening) await once(this.#server, 'listening')
    // A worker that was started after the file changed would serve one port's clients as another one's.
    const bound = this.address.port
    if (address.port !== 0 && address.port !== bound)
      throw problems['memcached-port-misplaced']({ listen: `${address.host}:${address.port}`, bound })
    this.#sweeping = setInterval(() => this.#sweep(), sweepMs)
    this.#sweeping.unref()
  }

  /** Takes no new connection; what is under way is answered, and then each connection ends. Resolves when all have. */
  async drain(): Promise<void> {
    this.#draining = true
    if (this.#server.listening) this.#server.close()
    for (const connection of this.#connections) connection.close('shutdown')
    if (this.#connections.size > 0) await this.#idle.promise
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeping)
    if (this.#server.listening) this.#server.close()
    for (const connection of this.#connections) connection.destroy('shutdown')
    this.#options.counters.tell()
  }

  #take(socket: Socket): void {
    const { settings, commands, counters, clock, log } = this.#options
    counters.accepted++
    if (this.#connections.size >= settings().maxConnections || this.#draining) {
      counters.refused++
      counters.ended('crowded')
      // Unheard, its failure would end the process.
      socket.on('error', () => socket.destroy())
      socket.end(tooMany)
      socket.resume()
      const parting = setTimeout(() => socket.destroy(), partingMs).unref()
      socket.once('close', () => clearTimeout(parting))
      return
    }
    counters.open++
    const connection = new Connection({
      socket,
      commands,
      counters,
      room: this.#room,
      settings,
      unreadLimitBytes: () => this.#unreadLimitBytes,
      clock,
      log,
    })
    this.#connections.add(connection)
    socket.once('close', () => {
      counters.open--
      counters.ended(connection.ending ?? 'client')
      this.#connections.delete(connection)
      if (this.#draining && this.#connections.size === 0) this.#idle.resolve()
    })
  }

  /** Of sockets: those that have not ended their handshake, or were turned away, are no connections of ours yet, or any more. */
  #bound(): void {
    this.#server.maxConnections = this.#options.settings().maxConnections + partingRoom
  }

  #sweep(): void {
    const { settings, clock, counters } = this.#options
    this.#bound()
    const { idleMs } = settings()
    const now = clock.monotonic()
    let unread = 0
    for (const connection of this.#connections) {
      unread += connection.unreadBytes
      const since = connection.idleSinceMs
      if (since === undefined) continue
      if (now - since > idleMs) connection.destroy('idle')
      else if (!connection.isKnown && now - since > introductionMs) connection.destroy('unauthenticated')
    }
    this.#unreadLimitBytes = unread > unreadTotalBytes ? unreadScarceBytes : unreadLimitBytes
    counters.tell()
  }
}
