/**
 * What tags cost a read: CPU of this process and latency of one get from one memcached, values of 200 bytes. `bare`: the node
 * alone, without envelope and records; `plain`: the store, an item without tags; `tagged`: four tags, all named, and three
 * scopes; `unnamed`: the same item, of whose tags the reader knows none.
 *
 *     node bench/micro/gateway.tagged-get.ts
 */
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { seededRandom } from '#server-kit/random.ts'
import { MemcachedStore } from '../../gateway/store/memcached-store.ts'
import { MetaNode } from '../../gateway/store/meta-node.ts'
import { StampClock } from '../../gateway/store/stamp.ts'
import { eventually } from '../../test/support/eventually.ts'
import { startMemcached } from '../../test/support/servers.ts'

const concurrencies = [1, 32, 256]
const rounds = 3
const roundMs = 1_000
const keys = 2_000
const deadlineMs = 1_000

await using memcached = await startMemcached()
const random = seededRandom(1)
const parts = { clock: systemClock, random, log: silentLog }
const address = { host: '127.0.0.1', port: memcached.port }
const node = new MetaNode(address, parts)
const stamps = new StampClock(systemClock, 1)
const store = new MemcachedStore({
  ...parts,
  zone: 'bench',
  nodes: [address],
  ring: 'ketama',
  newStamp: () => stamps.next(),
  writeDeadlineMs: deadlineMs,
})
await eventually(() => node.isUp && store.health().every(({ state }) => state === 'up'))

const body = Buffer.alloc(200, 2)
const tagsOf = (i: number) => ({
  exact: [`u:${i}`, `t:order:${i}`, `t:customer:${i % 100}`, 't:orders'],
  scopes: ['p:api.example.com/v1/', 'p:api.example.com/v1/orders/', 'r:orders-one'],
})
for (let i = 0; i < keys; i++) {
  await node.set(`bare/${i}`, Buffer.alloc(24), body, { ttlSeconds: 600, flags: 0 }, deadlineMs)
  await store.put('bench', `plain-${i}`, body, { stamp: stamps.next(), ttlMs: 600_000 })
  await store.put('bench', `tagged-${i}`, body, { stamp: stamps.next(), ttlMs: 600_000, tags: tagsOf(i) })
}

const kinds: Readonly<Record<string, (i: number) => Promise<boolean>>> = {
  bare: async (i) => (await node.get(`bare/${i}`, 'v t', deadlineMs)).code === 'VA',
  plain: async (i) => (await store.get('bench', `plain-${i}`, { deadlineMs })).kind === 'hit',
  tagged: async (i) => (await store.get('bench', `tagged-${i}`, { deadlineMs, tags: tagsOf(i) })).kind === 'hit',
  unnamed: async (i) => (await store.get('bench', `tagged-${i}`, { deadlineMs })).kind === 'hit',
}

console.log('   kind concurrency   us CPU (median of 3)   ops/s     p50 us   p99 us   failed')
for (const concurrency of concurrencies) {
  for (const [kind, get] of Object.entries(kinds)) {
    const results = []
    for (let round = 0; round < rounds; round++) results.push(await measure(concurrency, get))
    const median = results.toSorted((a, b) => a.cpu - b.cpu)[1]
    if (median === undefined) break
    console.log(
      [
        kind.padStart(7),
        `${concurrency}`.padStart(11),
        median.cpu.toFixed(1).padStart(22),
        Math.round(median.rate).toLocaleString('en').padStart(10),
        median.p50.toFixed(0).padStart(8),
        median.p99.toFixed(0).padStart(8),
        `${median.failed}`.padStart(8),
      ].join(' '),
    )
  }
}
node.close()
await store.close()

async function measure(concurrency: number, get: (i: number) => Promise<boolean>) {
  const until = performance.now() + roundMs
  const latencies: number[] = []
  let done = 0
  let failed = 0
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      const startedAt = performance.now()
      if (!(await get(Math.floor(random.next() * keys)))) failed++
      // Each sixteenth: noting all of them would be what is measured.
      if (done++ % 16 === 0) latencies.push((performance.now() - startedAt) * 1000)
    }
  }
  const before = process.cpuUsage()
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: concurrency }, worker))
  const seconds = (performance.now() - startedAt) / 1000
  const used = process.cpuUsage(before)
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? 0
  return { cpu: (used.user + used.system) / done, rate: done / seconds, p50: at(0.5), p99: at(0.99), failed }
}
