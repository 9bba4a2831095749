import { type BigTable, hostileTargets, questionOf } from './big-table.ts'
import { cpuMs } from './cpu-time.ts'
import { startEdge } from './edge-before-origins.ts'
import { mobileHeaders } from './mobile-request.ts'
import type { DecisionTimes, Timing } from './timed-decisions-worker.ts'

const entry = new URL('./timed-decisions-worker.ts', import.meta.url)

/**
 * Inside a workerd process of its own. Its clock knows the wall alone, which is that of whoever else uses the machine: what
 * it measured counts for as much as its process had a core.
 */
export async function decisionTimes(
  table: BigTable,
  options: Pick<Timing, 'batches' | 'batchMs' | 'findWorst'>,
): Promise<DecisionTimes> {
  await using edge = await startEdge(table, { sites: { onprem: 'http://127.0.0.1:9' }, workers: 1, entry })
  const { id, publicKey } = table.sealer.files
  const timing: Timing = {
    offer: table.offer,
    keys: [{ id, publicKey }],
    questions: table.witnesses,
    headers: mobileHeaders,
    hostile: Object.values(hostileTargets(table)).map((target) => questionOf('GET', target, {})),
    ...options,
  }
  const before = cpuMs(edge.pids)
  const answer = await fetch(`http://127.0.0.1:${edge.port}/`, { method: 'POST', body: JSON.stringify(timing) })
  if (answer.status !== 200) throw new Error(`the timing worker said ${answer.status}: ${await answer.text()}`)
  const times = (await answer.json()) as DecisionTimes
  return inCpuTime(times, Math.min(1, (cpuMs(edge.pids) - before) / times.tookMs))
}

function inCpuTime(times: DecisionTimes, share: number): DecisionTimes {
  const own = (ns: number): number => ns * share
  const { plain, withHeaders, linear, hostile, worst } = times
  return {
    ...times,
    plain: plain.map(own),
    withHeaders: withHeaders.map(own),
    linear: own(linear),
    hostile: hostile.map(own),
    worst: worst && { ...worst, ns: own(worst.ns) },
  }
}
