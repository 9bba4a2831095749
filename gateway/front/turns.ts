import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that wait here. Known clients that pipeline at all send some tens ahead. */
const waitingLimit = 1_000

/**
 * Pipelined requests: each begins when the answers before it are out (RFC 9112 section 9.3.2). Who sends on and on behind an
 * answer that takes long loses the connection, or a trickle of bytes would fill our memory with requests that wait.
 */
export class Turns {
  readonly #waiting = new WeakMap<Socket, number>()
  readonly #tooMany: () => void

  /** `tooMany` is told of each connection that ends for it. */
  constructor(tooMany: () => void) {
    this.#tooMany = tooMany
  }

  /** Calls `start` when it is the turn of `response`: Node tells by giving it the socket. */
  wait(socket: Socket, response: ServerResponse, start: () => void): void {
    if (socket.destroyed) return
    const waiting = (this.#waiting.get(socket) ?? 0) + 1
    if (waiting > waitingLimit) {
      socket.destroy()
      this.#tooMany()
      return
    }
    this.#waiting.set(socket, waiting)
    response.once('socket', () => {
      this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1)
      start()
    })
  }
}
