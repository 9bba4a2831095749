/** A thread with one Memcached port over a zone in memory: tells its number, and serves until it is ended. */
import { parentPort } from 'node:worker_threads'
import { openPort } from '../../../test/gateway/memcached-port/open-port.ts'

const { port } = await openPort()
parentPort?.postMessage(port)
