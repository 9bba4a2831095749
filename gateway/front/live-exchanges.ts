import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Problem } from '#routes/problem.ts'
import type { Exchange } from '../exchange.ts'

/** The exchanges under way at one listener, and the connections that they owe answers to. */
export class LiveExchanges {
  readonly #live = new Map<Exchange, IncomingMessage>()
  /** What is to be said on a connection once every answer before it is out. */
  readonly #last = new Map<Duplex, () => void>()
  #whenIdle: (() => void) | undefined

  get size(): number {
    return this.#live.size
  }

  begin(x: Exchange, request: IncomingMessage): void {
    this.#live.set(x, request)
  }

  end(x: Exchange): void {
    const socket = this.#live.get(x)?.socket
    this.#live.delete(x)
    if (this.#last.size > 0 && socket !== undefined) this.#sayLast(socket)
    if (this.#live.size === 0) this.#whenIdle?.()
  }

  /**
   * A connection has closed. The answers that were still queued behind another one on it never get a `close` of their own:
   * Node tells only the one that is being written.
   */
  closed(socket: Duplex): void {
    for (const [x, request] of this.#live) {
      if (request.socket !== socket) continue
      x.leave()
      this.end(x)
    }
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    if (this.#live.size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
  }

  /**
   * The parser gave up on a connection. If that was in the body of a request, the request fails with `problem` and is
   * answered so, and to the service it never becomes complete. Else `say` comes after the answers that are owed.
   */
  malformed(socket: Duplex, problem: Problem, say: () => void): void {
    for (const [x, request] of this.#live) {
      if (request.socket === socket && !x.body.complete) {
        x.body.break(problem)
        return
      }
    }
    this.#last.set(socket, say)
    socket.once('close', () => this.#last.delete(socket))
    this.#sayLast(socket)
  }

  #sayLast(socket: Duplex): void {
    for (const request of this.#live.values()) if (request.socket === socket) return
    const say = this.#last.get(socket)
    this.#last.delete(socket)
    say?.()
  }
}
