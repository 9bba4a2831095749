import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { within } from '../support/eventually.ts'
import { WireEnd } from './wire-end.ts'

/** An origin without any manners of its own: a test speaks for it, connection by connection. */
export interface ScriptedOrigin extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** The next connection that it accepts. */
  next(): Promise<WireEnd>
  /** Connections accepted so far. */
  readonly connections: number
  /** Drops what is open, so that the next conversation begins with new connections. */
  clear(): void
}

const deadlineMs = 10_000

export async function startScriptedOrigin(): Promise<ScriptedOrigin> {
  let ends: WireEnd[] = []
  let waiting: WireEnd[] = []
  let asking: ((end: WireEnd) => void)[] = []
  let connections = 0

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections++
    const end = new WireEnd(socket)
    ends.push(end)
    const asked = asking.shift()
    if (asked === undefined) waiting.push(end)
    else asked(end)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const clear = (): void => {
    for (const end of ends) end[Symbol.dispose]()
    ends = []
    waiting = []
    asking = []
  }
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get connections() {
      return connections
    },
    next: () => {
      const { promise, resolve } = Promise.withResolvers<WireEnd>()
      const end = waiting.shift()
      if (end === undefined) asking.push(resolve)
      else resolve(end)
      return within(deadlineMs, 'a connection to the origin', promise)
    },
    clear,
    [Symbol.asyncDispose]: async () => {
      clear()
      server.close()
    },
  }
}
