import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { startMemcached } from '../../../test/support/servers.ts'
import type { OpenContender } from './contenders.ts'

export interface FreezeOptions {
  /** Which of the two stands still, from a fifth of the time on until two fifths before its end. */
  readonly frozen: 0 | 1
  readonly perSecond: number
  readonly ms: number
  /** What one zone gets for a read. */
  readonly readDeadlineMs: number
}

export interface Freeze {
  readonly asked: number
  /** Nothing, something else, or no answer at all until a second after the end. */
  readonly errors: number
  /** Of each get from when it was due, ascending, ms. */
  readonly sortedMs: Float64Array
  /** The longest time in which this process did not run at all, which each wait may contain. */
  readonly stallMs: number
}

const keys = 500
const patienceMs = 1_000

/** Gets at a fixed rate, whatever becomes of those before, while one of the two servers gets a SIGSTOP and later a SIGCONT. */
export async function underFreeze(
  open: OpenContender,
  { frozen, perSecond, ms, readDeadlineMs }: FreezeOptions,
): Promise<Freeze> {
  await using near = await startMemcached()
  await using far = await startMemcached()
  const target = [near, far][frozen] ?? near
  const contender = await open([near.port, far.port], readDeadlineMs)
  const valueUnder = (key: number): Buffer => Buffer.alloc(200, `value of ${key}.`)
  for (let key = 0; key < keys; key++) await contender.put(`k${key}`, valueUnder(key))
  // What is hot is compiled: what follows measures waiting alone.
  for (let at = 0; at < 4_000; at++) await contender.get(`k${at % keys}`)

  const delays: number[] = []
  let asked = 0
  let right = 0
  const get = async (dueAt: number): Promise<void> => {
    const key = asked++ % keys
    const found = await contender.get(`k${key}`)
    delays.push(performance.now() - dueAt)
    if (found !== 'nothing' && found.equals(valueUnder(key))) right++
  }
  const stalls = monitorEventLoopDelay({ resolution: 1 })
  stalls.enable()
  const startedAt = performance.now()
  const sleep = async (untilMs: number): Promise<void> => pause(Math.max(0, untilMs - (performance.now() - startedAt)))
  const freezing = (async () => {
    await sleep(ms / 5)
    await target.process.freeze()
    await sleep((ms * 3) / 5)
    target.process.signal('SIGCONT')
  })()
  const gets: Promise<void>[] = []
  for (let due = 0; due < (ms / 1000) * perSecond; ) {
    const now = performance.now()
    for (; due < ((now - startedAt) / 1000) * perSecond; due++) gets.push(get(now))
    await pause(1)
  }
  await freezing
  await Promise.race([Promise.all(gets), pause(patienceMs)])
  stalls.disable()
  const errors = asked - right
  const sortedMs = Float64Array.from(delays).sort()
  await contender.close()
  return { asked, errors, sortedMs, stallMs: stalls.max / 1e6 }
}
