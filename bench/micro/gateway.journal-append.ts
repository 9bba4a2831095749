/**
 * What the cache journal does on this disk: deletes and values appended with so many in flight, each waited for, and the
 * time from opening a journal with a million deletes that wait until all four lanes have something to ship.
 *
 *     node bench/micro/gateway.journal-append.ts [FOLDER]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import type { Journal } from '../../gateway/journal/journal.ts'
import { openJournals } from '../../gateway/journal/open-journals.ts'
import type { CacheOperation } from '../../gateway/store/cache-operation.ts'
import { makeStamp } from '../../gateway/store/stamp.ts'

const roundMs = 3_000
const pending = 1_000_000
const value = Buffer.alloc(1_500, 1)

const folder = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'tidegate-bench-'))
const open = () =>
  openJournals({
    folder,
    site: 'bench',
    limits: { invalidationsBytes: 384 << 20, valuesBytes: 1 << 30 },
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    background: new Background(silentLog),
  })

let counter = 0
const place = () => ({ namespace: 'bench', key: `a-key-as-long-as-they-are-${counter}`, stamp: stamp() })
const stamp = () => makeStamp(Date.now(), counter++ & 0xfff, 1)
const kinds: readonly (readonly [string, () => CacheOperation])[] = [
  ['deletes, synced', () => ({ kind: 'delete', ...place() })],
  ['values of 1,500 B, written', () => ({ kind: 'set', ...place(), value, flags: 0, expiresAtMs: 0 })],
]

console.log('what                          in flight    appends/s     p50 us     p99 us')
for (const [name, operation] of kinds)
  for (const inFlight of [1, 64, 512]) {
    const journals = await open()
    const { rate, p50, p99 } = await measure(journals.own, operation, inFlight)
    await journals.own.retire()
    await journals.close()
    const cells = [inFlight, Math.round(rate), Math.round(p50), Math.round(p99)].map((cell) =>
      cell.toLocaleString('en'),
    )
    console.log([name.padEnd(29), ...cells.map((cell, at) => cell.padStart([9, 12, 10, 10][at] ?? 0))].join(' '))
  }
await restart()
await rm(folder, { recursive: true, force: true })

async function measure(journal: Journal, operation: () => CacheOperation, inFlight: number) {
  journal.reader('cloud')
  const latencies: number[] = []
  let done = 0
  const from = performance.now()
  const worker = async (): Promise<void> => {
    while (performance.now() - from < roundMs) {
      const startedAt = performance.now()
      if (!(await journal.append(operation()).durable)) throw new Error('the journal refused a write')
      done++
      // Each eighth: noting all of them would be what is measured.
      if ((done & 7) === 0) latencies.push((performance.now() - startedAt) * 1000)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  const seconds = (performance.now() - from) / 1000
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? 0
  return { rate: done / seconds, p50: at(0.5), p99: at(0.99) }
}

async function restart(): Promise<void> {
  const first = await open()
  first.own.reader('cloud')
  for (let i = 0; i < pending; i += 1000) {
    let last: Promise<boolean> | undefined
    for (let j = 0; j < 1000; j++) last = first.own.append({ kind: 'delete', ...place() }).durable
    await last
  }
  await first.close()
  const before = process.memoryUsage()
  const from = performance.now()
  const again = await open()
  const reader = again.own.reader('cloud')
  const lanes = await Promise.all([0, 1, 2, 3].map((lane) => reader.take(lane, 512, 1 << 20)))
  const ms = performance.now() - from
  const { invalidations, bytes } = reader.debt()
  const after = process.memoryUsage()
  const grown = (after.external + after.heapUsed - before.external - before.heapUsed) / 2 ** 20
  console.log(
    `restart with ${invalidations.toLocaleString('en')} deletes (${Math.round(bytes / 2 ** 20)} MiB) waiting: ${Math.round(ms)} ms` +
      ` until ${lanes.reduce((sum, lane) => sum + lane.invalidations.records.length, 0)} of them can be shipped, ${grown.toFixed(0)} MiB of memory`,
  )
  await again.close()
}
