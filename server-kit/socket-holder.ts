/** The thread of listening-socket.ts: listens, tells the descriptor, stands still; once released, refuses and closes. */
import { type AddressInfo, createServer } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type { HolderMessage } from './listening-socket.ts'

const { host, port, backlog, release } = workerData as {
  host: string
  port: number
  backlog: number
  release: Int32Array
}
const tell = (message: HolderMessage) => parentPort?.postMessage(message)

const server = createServer((late) => late.resetAndDestroy())
server.once('error', (error: NodeJS.ErrnoException) => tell({ failed: error.code ?? error.message }))
server.once('listening', () => {
  // `_handle` is the member by which Node's documentation of `server.listen(handle)` knows a server's handle.
  const handle: unknown = Reflect.get(server, '_handle')
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined
  tell({ fd: typeof fd === 'number' ? fd : -1, port: (server.address() as AddressInfo).port })
  Atomics.wait(release, 0, 0)
})
// Heard only once released: until then this thread's loop does not turn.
parentPort?.once('message', () => server.close())
server.listen({ host, port, backlog })
