import type { Log } from '#server-kit/log.ts'
import type { Journal } from '../journal/journal.ts'
import type { CacheOperation } from '../store/cache-operation.ts'
import { type ApplyOptions, applyOperation } from './apply-operation.ts'

export interface ReplayOptions extends ApplyOptions {
  readonly journal: Pick<Journal, 'place' | 'unapplied' | 'lost' | 'settleLoss'>
  /** Raises the floor of the site: all values are given up. False: that is not durable, or others of the site do not know it. */
  readonly giveUpAll: () => Promise<boolean>
  readonly log: Log
}

/** A start should not last longer than a few seconds: beyond so many writes the values themselves are given up. */
export const replayLimit = 100_000
const atOnce = 128

/**
 * Finishes what a process began and did not live to finish: whatever it wrote is in all zones of this site afterwards, or
 * owed to those that lack it, or none of what is there counts any more. Before anything is read. Never rejects.
 */
export async function replay(options: ReplayOptions): Promise<void> {
  const { journal, giveUpAll, log } = options
  const { place } = journal
  let isGivenUp = false
  if (journal.lost) {
    isGivenUp = await giveUpAll()
    log.error({ place, isGivenUp }, 'the cache journal was damaged: every value of this site is given up')
    if (isGivenUp) await journal.settleLoss()
  }
  let count = 0
  let some: CacheOperation[] = []
  // To its end, also where nothing of it is needed any more: only then may the journal forget it.
  for await (const operation of journal.unapplied()) {
    if (isGivenUp) continue
    some.push(operation)
    count++
    if (some.length === atOnce) await applyAll(some.splice(0), options)
    if (count === replayLimit) {
      isGivenUp = await giveUpAll()
      log.warn(
        { place, isGivenUp, count },
        'too much was half written to be finished: every value of this site is given up',
      )
      some = []
    }
  }
  await applyAll(some, options)
  if (count > 0) log.info({ place, count }, 'what was half written is finished')
}

async function applyAll(operations: readonly CacheOperation[], options: ReplayOptions): Promise<void> {
  // One that a zone did not take is owed to it, which the zones see to themselves.
  await Promise.all(operations.map((operation) => applyOperation(operation, options)))
}
