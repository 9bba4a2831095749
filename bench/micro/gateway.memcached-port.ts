/**
 * Operations a second of one process's Memcached port, beside a real memcached, through the same client and over the same
 * sockets: 90 % get, 10 % set, values of 200 bytes, `depth` commands pipelined on each of 8 connections.
 *
 *     node bench/micro/gateway.memcached-port.ts
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import { seededRandom } from '#server-kit/random.ts'
import { startMemcached } from '../../test/support/servers.ts'
import { Answers } from '../support/memcached-port/answers.ts'

const depths = [1, 8, 64]
const connections = 8
const rounds = 3
const roundMs = 1_500
const keys = 10_000
const value = 'v'.repeat(200)

await using memcached = await startMemcached()
// In a thread of its own, as memcached is in a process of its own: else the client's work would count.
const server = new Worker(new URL('../support/memcached-port/serve-port.ts', import.meta.url))
const [port] = (await once(server, 'message')) as [number]
const rivals = [
  { name: 'memcached', port: memcached.port },
  { name: 'port, memory zone', port },
]
for (const rival of rivals) await fill(rival.port)

console.log('                     pipelined   ops/s (median of 3)   spread     p50 us     p99 us')
for (const depth of depths) {
  for (const rival of rivals) {
    const results = []
    for (let round = 0; round < rounds; round++) results.push(await measure(rival.port, depth))
    results.sort((a, b) => a.rate - b.rate)
    const [low, median, high] = [results[0], results[1], results[2]] as const
    if (low === undefined || median === undefined || high === undefined) break
    const columns = [
      rival.name.padEnd(20),
      `${depth}`.padStart(9),
      Math.round(median.rate).toLocaleString('en').padStart(21),
      `${Math.round((100 * (high.rate - low.rate)) / median.rate)} %`.padStart(8),
      median.p50.toFixed(0).padStart(10),
      median.p99.toFixed(0).padStart(10),
    ]
    console.log(columns.join(' '))
  }
}

await server.terminate()

/** Each connection sends `depth` commands and waits for all their answers. */
async function measure(at: number, depth: number): Promise<{ rate: number; p50: number; p99: number }> {
  const random = seededRandom(depth)
  const until = performance.now() + roundMs
  const latencies: number[] = []
  let done = 0
  const client = async (): Promise<void> => {
    const socket = connect(at, '127.0.0.1')
    await once(socket, 'connect')
    socket.setNoDelay(true)
    const answers = new Answers()
    socket.on('data', (chunk) => answers.take(chunk))
    while (performance.now() < until) {
      const startedAt = performance.now()
      const batch = Array.from({ length: depth }, () => command(random.next(), Math.floor(random.next() * keys)))
      socket.write(batch.join(''))
      await answers.wait(depth)
      done += depth
      latencies.push((performance.now() - startedAt) * 1000)
    }
    socket.destroy()
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: connections }, client))
  const seconds = (performance.now() - startedAt) / 1000
  latencies.sort((a, b) => a - b)
  const share = (part: number): number => latencies[Math.floor(part * (latencies.length - 1))] ?? 0
  return { rate: done / seconds, p50: share(0.5), p99: share(0.99) }
}

function command(kind: number, key: number): string {
  return kind < 0.1 ? `ms key-${key} ${value.length} T600\r\n${value}\r\n` : `mg key-${key} v\r\n`
}

async function fill(at: number): Promise<void> {
  const socket = connect(at, '127.0.0.1')
  await once(socket, 'connect')
  const answers = new Answers()
  socket.on('data', (chunk) => answers.take(chunk))
  for (let key = 0; key < keys; key++) socket.write(command(0, key))
  await answers.wait(keys)
  socket.destroy()
}
