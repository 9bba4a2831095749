import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { Server as NetServer } from 'node:net'

/**
 * The internal address of a whole gateway of several processes: each accepts from it, and answers as its own internal
 * listener would. Ends as the public one does, so that no call of a peer or a monolith is lost when a process is replaced.
 */
export class SharedInternal {
  readonly #server: Server
  readonly #fd: number
  #draining = false

  constructor(fd: number, serve: RequestListener) {
    this.#fd = fd
    this.#server = createServer((request, response) => {
      if (this.#draining) response.setHeader('connection', 'close')
      serve(request, response)
    })
  }

  async listen(): Promise<void> {
    this.#server.listen({ fd: this.#fd })
    await once(this.#server, 'listening')
  }

  /** From now on each answer closes its connection. */
  drain(): void {
    this.#draining = true
  }

  stopAccepting(): void {
    // As the public one: idle connections have been told nothing yet.
    if (this.#server.listening) NetServer.prototype.close.call(this.#server)
  }

  closeIdle(): void {
    this.#server.closeIdleConnections()
  }

  end(): void {
    this.#server.closeAllConnections()
  }
}
