/**
 * Operations a second of one meta client against one memcached: 90 % get, 10 % set, values of 200 bytes.
 *
 *     node bench/micro/gateway.meta-node.ts
 */
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { seededRandom } from '#server-kit/random.ts'
import { MetaNode } from '../../gateway/store/meta-node.ts'
import { eventually } from '../../test/support/eventually.ts'
import { startMemcached } from '../../test/support/servers.ts'

const concurrencies = [1, 32, 256]
const rounds = 3
const roundMs = 1_500
const keys = 10_000
const deadlineMs = 1_000

await using memcached = await startMemcached()
const random = seededRandom(1)
const node = new MetaNode({ host: '127.0.0.1', port: memcached.port }, { clock: systemClock, random, log: silentLog })
await eventually(() => node.isUp)

const head = Buffer.alloc(24, 1)
const body = Buffer.alloc(200, 2)
const flags = { ttlSeconds: 600, flags: 0 }
for (let i = 0; i < keys; i++) await node.set(`bench/${i}`, head, body, flags, deadlineMs)

console.log('concurrency   ops/s (median of 3)   spread     p50 us     p99 us   failed')
for (const concurrency of concurrencies) {
  const results = []
  for (let round = 0; round < rounds; round++) results.push(await measure(concurrency))
  results.sort((a, b) => a.rate - b.rate)
  const [low, median, high] = [results[0], results[1], results[2]] as const
  if (low === undefined || median === undefined || high === undefined) break
  const spread = `${Math.round((100 * (high.rate - low.rate)) / median.rate)} %`
  console.log(
    [
      `${concurrency}`.padStart(11),
      Math.round(median.rate).toLocaleString('en').padStart(21),
      spread.padStart(8),
      median.p50.toFixed(0).padStart(10),
      median.p99.toFixed(0).padStart(10),
      `${median.failed}`.padStart(8),
    ].join(' '),
  )
}
node.close()

async function measure(concurrency: number): Promise<{ rate: number; p50: number; p99: number; failed: number }> {
  const until = performance.now() + roundMs
  const latencies: number[] = []
  let done = 0
  let failed = 0
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      const key = `bench/${Math.floor(random.next() * keys)}`
      const startedAt = performance.now()
      const reply =
        random.next() < 0.1
          ? await node.set(key, head, body, flags, deadlineMs)
          : await node.get(key, 'v t', deadlineMs)
      if (reply.code === 'FAILED') failed++
      // Each sixteenth: noting all of them would be what is measured.
      if (done++ % 16 === 0) latencies.push((performance.now() - startedAt) * 1000)
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: concurrency }, worker))
  const seconds = (performance.now() - startedAt) / 1000
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? 0
  return { rate: done / seconds, p50: at(0.5), p99: at(0.99), failed }
}
