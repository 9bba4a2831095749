import { seededRandom } from '#server-kit/random.ts'
import { percentile } from '../../plot.ts'
import type { BenchClient } from './bench-clients.ts'

export interface LoadOptions {
  readonly concurrency: number
  readonly valueBytes: number
  readonly ms: number
  readonly seed: number
}

export interface Load {
  readonly perSecond: number
  /** User and system time of this process, microseconds. */
  readonly cpuPerOperation: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** Answers that are not what was stored under the key, and operations without one. */
  readonly wrong: number
}

const keyCount = 1_000
/** Noting each would be what is measured. */
const noteEvery = 8

/** 90 % get, 10 % set by so many at once, each with one operation under way. */
export async function load(client: BenchClient, { concurrency, valueBytes, ms, seed }: LoadOptions): Promise<Load> {
  const random = seededRandom(seed)
  const keys = Array.from({ length: keyCount }, (_, i) => `bench/${valueBytes}/${i}`)
  const values = keys.map((_, i) => Buffer.alloc(valueBytes, `${i}.`))
  for (const [i, key] of keys.entries()) await client.set(key, values[i] as Buffer)
  const delays: number[] = []
  let done = 0
  let wrong = 0
  const worker = async (until: number): Promise<void> => {
    while (performance.now() < until) {
      const at = Math.floor(random.next() * keyCount)
      const [key, value] = [keys[at] as string, values[at] as Buffer]
      const startedAt = performance.now()
      if (random.next() < 0.1) {
        if (!(await client.set(key, value))) wrong++
      } else if (!isValue(await client.get(key), value)) wrong++
      if (done++ % noteEvery === 0) delays.push(performance.now() - startedAt)
    }
  }
  const run = async (forMs: number): Promise<void> => {
    const until = performance.now() + forMs
    await Promise.all(Array.from({ length: concurrency }, () => worker(until)))
  }
  await run(ms / 4)
  done = 0
  delays.length = 0
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  await run(ms)
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const sorted = Float64Array.from(delays).sort()
  return {
    perSecond: done / seconds,
    cpuPerOperation: (user + system) / done,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    p999Ms: percentile(sorted, 0.999),
    wrong,
  }
}

/** Length, beginning and end: comparing all bytes would be what is measured; `agreement.ts` does. */
function isValue(found: Buffer | string, value: Buffer): boolean {
  if (typeof found === 'string' || found.length !== value.length) return false
  const last = value.length - 1
  return found[0] === value[0] && found[1] === value[1] && found[2] === value[2] && found[last] === value[last]
}
