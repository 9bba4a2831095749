/** What a decision takes, and that it is the one that Node takes. */
import { decide } from '#routes/decide.ts'
import { summary } from '../../../test/wire/decisions-worker.ts'
import { duration, grouped, printTable } from '../../print.ts'
import { type BigTable, hostileTargets } from './big-table.ts'
import { below, type Claim, type Effort, median, none } from './claim.ts'
import { decisionTimes } from './decision-times.ts'

const limits = { allNs: 500, worstNs: 2_000 } as const
const hostileGoalNs = 50_000
const batchMs = 25
const batchesARound = 8

export async function proveDecisions(
  table: BigTable,
  { rounds, patience, findWorst }: Effort & { readonly findWorst: boolean },
): Promise<{ claims: Claim[]; control: Claim }> {
  const times = await decisionTimes(table, { batches: batchesARound * rounds, batchMs, findWorst })
  const facts = table.witnesses.map(({ headers, ...rest }) => ({ ...rest, header: (name: string) => headers[name] }))
  const differ = facts.filter((one, at) => summary(decide(table.table, one)) !== times.summaries[at]).length
  const hostile = Object.keys(hostileTargets(table)).map((name, at) => ({ name, ns: times.hostile[at] ?? 0 }))
  const row = (name: string, batches: readonly number[]): string[] => [
    name,
    duration(median(batches)),
    duration(Math.min(...batches)),
  ]
  printTable(
    ['a decision inside workerd, CPU', 'p50', 'lowest'],
    [
      row(`${grouped(facts.length)} routes in turn`, times.plain),
      row('the same, asking Headers of 13 fields for the key', times.withHeaders),
      ...(times.worst ? [[`costliest of them: ${times.worst.target}`, '', duration(times.worst.ns)]] : []),
      ...hostile.map(({ name, ns }) => [`16 KB path: ${name}`, '', duration(ns)]),
    ],
  )
  const above = hostile.filter(({ ns }) => ns > hostileGoalNs)
  if (above.length > 0)
    console.log(
      `above the goal of ${duration(hostileGoalNs)} a 16 KB path: ${above.map(({ name }) => name).join(', ')}\n`,
    )
  return {
    claims: [
      none('decisions that Node takes otherwise', differ),
      below('decision p50', median(times.plain), limits.allNs * patience, duration),
      ...(times.worst ? [below('costliest route', times.worst.ns, limits.worstNs * patience, duration)] : []),
    ],
    control: below('the route found in a list of patterns', times.linear, limits.allNs * patience, duration),
  }
}
