import type { CacheDebt, Counters } from '#routes/messages.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import type { Adoption } from '../fence/adoption.ts'
import type { TrafficCounters } from './counters.ts'
import type { MarkCounts } from './mark-counts.ts'

export interface ReportOptions {
  readonly adoption: Adoption
  readonly traffic: TrafficCounters
  readonly marks: MarkCounts
  readonly debt: () => CacheDebt
  /** Whether somebody is there to be told; while not, rows gather within their bounds. */
  readonly connected: () => boolean
  readonly send: (counters: Counters) => Promise<boolean>
  readonly clock: Clock
  readonly background: Background
}

const everyMs = 1_000

/** Tells the control plane once a second what edges route by and who was served, and the rest at the end. */
export function report(options: ReportOptions): Part {
  const { adoption, traffic, marks, debt, connected, send, clock, background } = options
  let timer: NodeJS.Timeout | undefined
  const tell = async (): Promise<void> => {
    if (!connected()) return
    const rows = { adoption: adoption.take(), traffic: traffic.take(), marks: marks.take() }
    if (await send({ at: clock.now(), ...rows, debt: debt() })) return
    // Rather counted twice, where only the answer was lost, than a write that nobody ever hears of.
    adoption.putBack(rows.adoption)
    traffic.putBack(rows.traffic)
    marks.putBack(rows.marks)
  }
  return {
    name: 'counters',
    start: async () => {
      timer = setInterval(() => background.run('report counters', tell), everyMs)
    },
    stop: async () => {
      clearInterval(timer)
      await tell()
    },
  }
}
