import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { JournalFiles } from './journal-files.ts'
import { SyncTimes } from './sync-times.ts'

const times = 50
const slowMs = 10

/** Says how long this disk takes to make a small write durable: each invalidation waits for it. */
export async function timeSyncs(files: JournalFiles, folder: string, clock: Clock, log: Log): Promise<void> {
  const path = `${folder}/probe`
  await files.remove(path)
  const file = await files.create(path)
  const syncTimes = new SyncTimes()
  try {
    const block = Buffer.alloc(4096, 1)
    for (let i = 0; i < times; i++) {
      await file.write(block, 0)
      const startedAt = clock.monotonic()
      await file.sync()
      syncTimes.add(clock.monotonic() - startedAt)
    }
  } finally {
    await file.close()
    await files.remove(path)
  }
  const { p50, p99 } = syncTimes.quantiles()
  const facts = { p50: Number(p50.toFixed(2)), p99: Number(p99.toFixed(2)) }
  if (p50 > slowMs)
    log.warn(facts, 'the disk of the cache journal is slow: each delete of a cached value waits for it (ms)')
  else log.info(facts, 'time that the disk of the cache journal takes to sync (ms)')
}
