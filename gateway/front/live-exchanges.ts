import type { Duplex } from 'node:stream'
import type { Problem } from '#routes/problem.ts'
import type { Exchange } from '../exchange.ts'

/** Why the parser gave up on a connection, and how to say so. */
interface LastWord {
  readonly problem: Problem
  readonly say: () => void
}

/** The exchanges under way at one listener, and the connections that they owe answers to: of each connection one at a time. */
export class LiveExchanges {
  readonly #live = new Set<Exchange>()
  readonly #current = new Map<Duplex, Exchange>()
  /** What is to be said on a connection once every answer before it is out. */
  readonly #last = new Map<Duplex, LastWord>()
  /** Connections on which an answer is out before its request has wholly come. */
  readonly #early = new WeakSet<Duplex>()
  #whenIdle: (() => void) | undefined

  get size(): number {
    return this.#live.size
  }

  begin(x: Exchange, socket: Duplex): void {
    this.#live.add(x)
    this.#current.set(socket, x)
    this.#early.delete(socket)
    // It waited behind others while the parser gave up: then that was in its own body.
    if (this.#last.size > 0 && !x.body.complete) this.#failBody(x, socket)
  }

  end(x: Exchange, socket: Duplex): void {
    if (!this.#live.delete(x)) return
    // The next one may have begun already, when this one's answer was out.
    if (this.#current.get(socket) === x) this.#current.delete(socket)
    if (!x.body.complete) this.#early.add(socket)
    if (this.#last.size > 0) this.#sayLast(socket)
    if (this.#live.size === 0) this.#whenIdle?.()
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
    const current = this.#current.get(socket)
    if (current !== undefined && !current.body.complete) {
      current.body.break(problem)
      return
    }
    // The rest of an upload that has its answer: another one would belong to no request.
    if (this.#early.has(socket)) {
      socket.destroy()
      return
    }
    this.#last.set(socket, { problem, say })
    socket.once('close', () => this.#last.delete(socket))
    this.#sayLast(socket)
  }

  /** Answers on this connection are still to come. */
  owes(socket: Duplex): boolean {
    return this.#current.has(socket)
  }

  #failBody(x: Exchange, socket: Duplex): void {
    const last = this.#last.get(socket)
    if (last === undefined) return
    this.#last.delete(socket)
    x.body.break(last.problem)
  }

  #sayLast(socket: Duplex): void {
    if (this.owes(socket)) return
    const last = this.#last.get(socket)
    this.#last.delete(socket)
    last?.say()
  }
}
