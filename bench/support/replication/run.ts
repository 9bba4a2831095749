import { setTimeout as wait } from 'node:timers/promises'
import { grouped } from '../../print.ts'
import { lookAtRest } from './at-rest.ts'
import { type FaultKind, type PlannedFault, type PlanOptions, partOf, planFaults } from './fault-plan.ts'
import type { SideOptions } from './side-messages.ts'
import { suffer } from './suffer.ts'
import { openSurroundings, type Rates, type Surroundings, sum } from './surroundings.ts'
import type { Violation, WorkloadCounts } from './workload.ts'

export interface RunOptions extends Rates {
  readonly strategy: SideOptions['strategy']
  readonly keys: number
  readonly plan: PlanOptions
  /** After so many faults everything is mended, comes to rest and is looked at; then it goes on. */
  readonly restAfter: number
  /** Writes go on until there were so many, also when the faults are over. */
  readonly writes: number
  /** Until everything must be at rest, ms. */
  readonly restWithinMs: number
  /** Between the last fault and the rest: values are written again, so that there is something to be seen, ms. */
  readonly afterwardsMs: number
}

export interface RunResult {
  readonly strategy: SideOptions['strategy']
  readonly faults: ReadonlyMap<FaultKind, number>
  readonly counts: WorkloadCounts
  readonly found: readonly Violation[]
  readonly diverged: readonly string[]
  /** Times at which all was at rest, and those at which it was not within the limit. */
  readonly rests: number
  readonly restless: readonly string[]
  /** Keys with a value that all zones had, over all times at rest. */
  readonly equal: number
  readonly missing: number
  readonly seconds: number
}

/** The same seed suffers the same faults and writes the same; only what meets what is up to the machine. */
export async function runReplication(options: RunOptions): Promise<RunResult> {
  const { strategy, keys, plan, restAfter, writes } = options
  await using around = await openSurroundings({ strategy, keys, seed: plan.seed })
  const { sides } = around
  const begun = performance.now()
  const faults = new Map<FaultKind, number>()
  const atRest: Violation[] = []
  const diverged: string[] = []
  const restless: string[] = []
  const seen = { rests: 0, equal: 0, missing: 0 }
  const written = () => sides.reduce((all, { counts }) => all + counts.writes, 0)
  const planned = planFaults(plan)
  for (let from = 0; from < planned.length || written() < writes; from += restAfter) {
    const some = planned.slice(from, from + restAfter)
    const goal = Math.min(1, (from + restAfter) / Math.max(1, planned.length)) * writes
    await Promise.all(sides.map((side) => side.run(options)))
    await sufferAll(around, some)
    for (const { kind } of some) faults.set(kind, (faults.get(kind) ?? 0) + 1)
    do await wait(options.afterwardsMs)
    while (written() < goal && sides.every(({ process }) => !process.lost))
    await Promise.all(sides.map((side) => side.stop()))
    const rest = await lookAtRest(around, options.restWithinMs)
    seen.rests++
    const suffered = [...faults.values()].reduce((all, times) => all + times, 0)
    const after = ((performance.now() - begun) / 1000).toFixed(0)
    console.log(`${strategy}: ${suffered} faults, ${grouped(written())} writes, at rest after ${after} s`)
    seen.equal += rest.equal
    seen.missing += rest.missing
    atRest.push(...rest.violations)
    diverged.push(...rest.diverged)
    if (!rest.drained) restless.push(rest.text)
    if (!rest.drained) break
  }
  const [first, second] = sides
  return {
    strategy,
    faults,
    counts: sum(first.counts, second.counts),
    found: [...sides.flatMap(({ violations }) => [...violations.values()]), ...atRest],
    diverged,
    restless,
    ...seen,
    seconds: (performance.now() - begun) / 1000,
  }
}

/** Each at its time, unless the part that it is for has not yet been mended. */
async function sufferAll(around: Surroundings, faults: readonly PlannedFault[]): Promise<void> {
  const begunAtMs = faults[0]?.atMs ?? 0
  const parts = new Map<string, Promise<void>>()
  const begun = performance.now()
  for (const fault of faults) {
    const part = partOf(fault.kind, fault.side, fault.zone)
    const before = parts.get(part) ?? Promise.resolve()
    parts.set(
      part,
      before.then(() => sufferAt(around, fault, begun + fault.atMs - begunAtMs)),
    )
  }
  await Promise.all(parts.values())
}

async function sufferAt(around: Surroundings, fault: PlannedFault, at: number): Promise<void> {
  await wait(Math.max(0, at - performance.now()))
  await suffer(around, fault)
}
