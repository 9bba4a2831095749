/**
 * Cache writes that one site ships to another, each a process, over a link of 20 ms there and back: how late they are at
 * 5,000 writes a second, how fast 300,000 pending deletes are gone, how soon it ships again with 1,000,000.
 *
 *     node bench/micro/gateway.replication.ts
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Background } from '#server-kit/background.ts'
import { systemClock as clock } from '#server-kit/clock.ts'
import { createLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { openJournals } from '../../gateway/journal/open-journals.ts'
import { HttpPeer } from '../../gateway/replication/http-peer.ts'
import type { CacheStore } from '../../gateway/store/cache-store.ts'
import { MemcachedStore } from '../../gateway/store/memcached-store.ts'
import { StampClock, stampMs } from '../../gateway/store/stamp.ts'
import { listening, receivingSide, sendingSide, signature } from '../../test/gateway/replication/sides.ts'
import { eventually } from '../../test/support/eventually.ts'
import { startFaultProxy } from '../../test/support/fault-proxy.ts'
import { startMemcached } from '../../test/support/servers.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'

const log = createLog({ program: 'bench', level: 'warn' })
const writesPerS = 5_000
const writingMs = 10_000
const pendingDeletes = 300_000
const pendingAtRestart = 1_000_000
const limits = { invalidationsBytes: 384 * 1024 * 1024, valuesBytes: 1024 * 1024 * 1024 }

interface Lags {
  readonly put: number[]
  readonly delete: number[]
}

interface Told {
  readonly lags: Lags
  readonly cpuUs: number
}

const cpuUs = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

if (process.send !== undefined) await receive()
else await ship()

/** The other site: tells its port, then, when asked, how late each write was since it was last asked. */
async function receive(): Promise<void> {
  await using memcached = await startMemcached(['-m', '512'])
  const stamps = new StampClock(clock, 3)
  const zone = new MemcachedStore({
    zone: 'there',
    nodes: [{ host: '127.0.0.1', port: memcached.port }],
    ring: 'ketama',
    clock,
    random: systemRandom,
    log,
    newStamp: () => stamps.next(),
    believes: () => true,
  })
  await zone.opened()
  let lags: Lags = { put: [], delete: [] }
  const store = new Proxy(zone as CacheStore, {
    get: (target, name: keyof CacheStore) => {
      const method = target[name] as (...args: unknown[]) => unknown
      if (name !== 'put' && name !== 'delete') return method.bind(target)
      return async (...args: unknown[]) => {
        const outcome = await method.apply(target, args)
        const { stamp } = args.at(-1) as { stamp: bigint }
        lags[name].push(Date.now() - stampMs(stamp))
        return outcome
      }
    },
  })
  const side = receivingSide({ store })
  const { port } = await listening(side.receiving)
  process.on('message', () => {
    process.send?.({ lags, cpuUs: cpuUs() })
    lags = { put: [], delete: [] }
  })
  process.send?.({ port })
  await once(process, 'disconnect')
  process.exit(0)
}

async function ship(): Promise<void> {
  const child = fork(new URL(import.meta.url))
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  await using proxy = await startFaultProxy(port)
  await proxy.set({ kind: 'latency', ms: 10, requestMs: 10 })
  const folder = await temporaryFolder()
  const background = new Background(log)
  const journalOf = (name: string) =>
    openJournals({ folder: folder.file(name), site: 'here', limits, clock, random: systemRandom, log, background })
  const origin = `http://127.0.0.1:${proxy.port}`
  const peer = () => new HttpPeer({ origin, sign: signature })
  const lags = async (): Promise<Told> => {
    child.send('lags')
    return ((await once(child, 'message')) as [Told])[0]
  }

  const journals = await journalOf('steady')
  for await (const _ of journals.own.unapplied());
  const side = sendingSide(peer(), { journal: journals.own, log })
  const before = { here: cpuUs(), there: (await lags()).cpuUs }
  const startedAt = performance.now()
  let written = 0
  const writes: Promise<unknown>[] = []
  while (performance.now() - startedAt < writingMs) {
    const due = ((performance.now() - startedAt) / 1_000) * writesPerS
    for (; written < due; written++) {
      const key = `key-${Math.floor(systemRandom.next() * 50_000)}`
      writes.push(written % 3 === 0 ? side.del(key) : side.put(key, 'v'.repeat(200), 60_000))
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(writes)
  if (!(await side.store.drained(10_000))) console.log('not drained')
  const { lags: late, cpuUs: there } = await lags()
  const cpu = (us: number): string => `${(us / written).toFixed(0)} us`
  console.log(`CPU a write: ${cpu(cpuUs() - before.here)} here (with the link), ${cpu(there - before.there)} there`)
  const { sync } = journals.own.stats()
  console.log(`${written} writes in ${writingMs} ms; a sync of the disk takes ${sync.p50} ms, of 99 % ${sync.p99} ms`)
  for (const [kind, each] of Object.entries(late) as [string, number[]][]) {
    each.sort((a, b) => a - b)
    const at = (share: number): number => each[Math.floor(each.length * share)] ?? 0
    console.log(`  ${kind}: there after p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(0.9999)} ms`)
  }

  await proxy.set({ kind: 'refuse' })
  for (let i = 0; i < pendingDeletes; i += 1_000)
    await Promise.all(Array.from({ length: 1_000 }, (_, j) => side.del(`gone-${i + j}`)))
  console.log(`${side.store.debt().deletes} deletes wait`)
  await proxy.set({ kind: 'latency', ms: 10, requestMs: 10 })
  const healedAt = performance.now()
  await eventually(() => side.store.debt().deletes === 0, { deadlineMs: 120_000, everyMs: 20 })
  const drainedMs = performance.now() - healedAt
  console.log(
    `${pendingDeletes} deletes drained in ${(drainedMs / 1_000).toFixed(1)} s: ${Math.round((pendingDeletes / drainedMs) * 1_000)} a second`,
  )
  await side.store.close()
  await journals.close()
  await lags()

  const first = await journalOf('restart')
  first.own.reader('there')
  for await (const _ of first.own.unapplied());
  for (let i = 0; i < pendingAtRestart; i += 5_000) {
    const appended = Array.from({ length: 5_000 }, (_, j) =>
      first.own.append({ kind: 'delete', namespace: 'shop', key: `pending-${i + j}`, stamp: side.stamps.next() }),
    )
    await appended.at(-1)?.durable
  }
  await first.close()
  const restartedAt = performance.now()
  const second = await journalOf('restart')
  const again = sendingSide(peer(), { journal: second.own, log })
  await eventually(() => again.shipper.lag().shipped > 0, { deadlineMs: 60_000 })
  console.log(`with ${pendingAtRestart} pending it ships again after ${Math.round(performance.now() - restartedAt)} ms`)
  await again.store.close()
  await second.close()
  child.disconnect()
  await folder[Symbol.asyncDispose]()
}
