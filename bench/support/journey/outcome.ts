/** What users and services say when it is over. */
import type { Clients } from './clients.ts'
import type { StepResult } from './report.ts'
import type { Seen } from './requests.ts'

const leastOfPlanned = 0.9
const toldKinds = 5

export function noneFailed(clients: Clients): StepResult {
  const { seen, failed, planned } = clients
  const took = seen.map(({ sentAt, answeredAt }) => answeredAt - sentAt).sort((a, b) => a - b)
  const at = (share: number): string => (took[Math.floor(share * (took.length - 1))] ?? 0).toFixed(1)
  const hits = seen.filter(({ hit }) => hit).length
  const again = seen.filter((one) => one.again).length
  return {
    figures:
      `${seen.length} requests, ${failed.length} failed; ${hits} cache hits, ${again} GETs sent again; ` +
      `p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)} ms`,
    faults: [
      ...kindsOf(failed).slice(0, toldKinds),
      ...(seen.length < leastOfPlanned * planned ? [`only ${seen.length} of ${planned} planned requests`] : []),
    ],
  }
}

export function writesOnce(clients: Clients): StepResult {
  const { acknowledged, executed, doubled, lost, elsewhere } = clients.audit()
  const told = (what: string, ids: readonly string[]) =>
    ids.length === 0 ? [] : [`${ids.length} ${what}: ${ids.slice(0, 3).join(', ')}`]
  return {
    figures: `${acknowledged} acknowledged, ${executed} executed, ${doubled.length} doubled, ${lost.length} lost`,
    faults: [...told('doubled', doubled), ...told('lost', lost), ...told('executed elsewhere', elsewhere)],
  }
}

/** Each kind once, the most frequent first, with one of its own. */
function kindsOf(failed: readonly Seen[]): string[] {
  const kinds = Map.groupBy(failed, ({ fault = '' }) => /"code":"([^"]+)"/.exec(fault)?.[1] ?? fault)
  return [...kinds.values()]
    .sort((a, b) => b.length - a.length)
    .map((same) => `${same.length} like ${same[0]?.request.method} ${same[0]?.request.path}: ${same[0]?.fault}`)
}
