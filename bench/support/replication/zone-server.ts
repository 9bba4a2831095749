import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { freePort } from '../../../test/support/free-port.ts'
import { startMemcached, type TestServer } from '../../../test/support/servers.ts'

/** A real Memcached behind a fault proxy, which dies and comes back, empty, on the same port. */
export class ZoneServer {
  readonly name: string
  readonly proxy: FaultProxy
  readonly port: number
  #server: TestServer

  private constructor(name: string, server: TestServer, proxy: FaultProxy) {
    this.name = name
    this.#server = server
    this.port = server.port
    this.proxy = proxy
  }

  static async start(name: string): Promise<ZoneServer> {
    const server = await startMemcached([], await freePort())
    return new ZoneServer(name, server, await startFaultProxy(server.port))
  }

  /** As the side knows it. */
  get address(): string {
    return `127.0.0.1:${this.proxy.port}`
  }

  async kill(): Promise<void> {
    await this.#server.process.stop('SIGKILL')
    await this.#server.stop()
  }

  /** After `kill`. */
  async start(args: readonly string[] = []): Promise<void> {
    this.#server = await startMemcached(args, this.port)
  }

  async freeze(): Promise<void> {
    await this.#server.process.freeze()
  }

  thaw(): void {
    this.#server.process.signal('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.thaw()
    await this.proxy.close()
    await this.#server.stop()
  }
}
