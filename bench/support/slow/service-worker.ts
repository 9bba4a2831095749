/** A thread with a service: small answers, one large one, and uploads that it reads to their end. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort } from 'node:worker_threads'

/** More than kernels keep for a client that does not read. */
const large = Buffer.alloc(16 * 1024 * 1024, 'x')

const server = createServer({ requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
  request.on('error', () => {})
  request.resume().once('end', () => response.end(request.url?.endsWith('/big') ? large : 'hello'))
})
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port))
parentPort?.once('message', () => {
  server.closeAllConnections()
  server.close()
  parentPort?.close()
})
