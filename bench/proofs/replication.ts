/** `npm run prove -- replication`: two sides under every fault that we know; no acknowledged invalidation is lost. */
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { type CarelessStrategy, carelessStrategies } from '../support/replication/careless-writer.ts'
import { faultKinds } from '../support/replication/fault-plan.ts'
import { type RunOptions, type RunResult, runReplication } from '../support/replication/run.ts'
import type { Violation } from '../support/replication/workload.ts'

export interface ReplicationForm extends Omit<RunOptions, 'strategy'> {
  readonly controls: readonly CarelessStrategy[]
  /** Which they suffer. */
  readonly controlFaults: number
  /** They need not come to rest, since nobody promised it. */
  readonly controlRestWithinMs: number
}

export async function prove({ long, seed, cases }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const faults = cases ?? (long ? 1_000 : 60)
  return proveReplication({
    keys: 1_500,
    plan: { seed, faults, everyMs: 1_500, shortestMs: 1_000, longestMs: long ? 60_000 : 5_000 },
    restAfter: long ? 50 : 20,
    writesPerSecond: long ? 3_000 : 800,
    readsPerSecond: long ? 3_000 : 800,
    writes: long ? 10_000_000 : 0,
    restWithinMs: 60_000,
    afterwardsMs: 500,
    controls: carelessStrategies,
    controlFaults: 8,
    controlRestWithinMs: 10_000,
  })
}

export async function proveReplication(form: ReplicationForm): Promise<{ pass: boolean; figures: string }> {
  const ours = await runReplication({ ...form, strategy: 'journal' })
  const results = [ours]
  // The same faults of the ways, which is where they claim to be good; none of disks and processes, where they keep nothing.
  const plan = { ...form.plan, faults: form.controlFaults, kinds: faultKinds.filter((kind) => kind.startsWith('link')) }
  const control = { ...form, plan, restAfter: form.controlFaults, writes: 0, restWithinMs: form.controlRestWithinMs }
  for (const strategy of form.controls) results.push(await runReplication({ ...control, strategy }))

  printTable(
    ['fault', 'times'],
    faultKinds.map((kind) => [kind, ours.faults.get(kind) ?? 0]),
  )
  printTable(
    [
      'strategy',
      'faults',
      'writes',
      'failed',
      'reads',
      'lost',
      'resurrected',
      'stale',
      'diverged',
      'grew',
      'invented',
      'at rest',
      's',
    ],
    results.map(row),
  )
  for (const each of results) tell(each)
  const controls = results.slice(1)
  const lost = count(ours, 'lost invalidation')
  const resurrected = count(ours, 'resurrected')
  const wrong = ours.found.length + ours.diverged.length + ours.restless.length
  // Where nothing can be read nothing can be wrong: that would be no proof.
  const isSeen = ours.equal + ours.missing > 0 && ours.counts.hits > 0
  const allFail = controls.every((control) => breaks(control) > 0)
  const converged = ours.diverged.length + ours.restless.length === 0 ? 'converged' : 'NOT converged'
  const ttl = count(ours, 'life grew') === 0 ? 'TTL never grows' : `${count(ours, 'life grew')} TTLs grew`
  const figures =
    `${[...ours.faults.values()].reduce((all, times) => all + times, 0)} faults, ${grouped(ours.counts.writes)} writes: ` +
    `${lost} lost invalidations, ${resurrected} resurrected keys, ${converged}, ${ttl}; ` +
    `controls: ${controls.map((control) => `${control.strategy} ${breaks(control)}`).join(', ')} wrong`
  return { pass: wrong === 0 && isSeen && allFail, figures }
}

const count = ({ found }: RunResult, kind: Violation['kind']): number =>
  found.filter((violation) => violation.kind === kind).length

/** Of I1 and I2. */
const breaks = (result: RunResult): number =>
  count(result, 'lost invalidation') +
  count(result, 'resurrected') +
  count(result, 'stale value') +
  result.diverged.length

function row(result: RunResult): (string | number)[] {
  const { strategy, faults, counts, diverged, rests, restless, equal, missing, seconds } = result
  return [
    strategy,
    [...faults.values()].reduce((all, times) => all + times, 0),
    grouped(counts.writes),
    grouped(counts.failed),
    grouped(counts.reads),
    count(result, 'lost invalidation'),
    count(result, 'resurrected'),
    count(result, 'stale value'),
    diverged.length,
    count(result, 'life grew'),
    count(result, 'invented'),
    `${rests - restless.length} of ${rests}: ${equal} equal, ${missing} missing`,
    seconds.toFixed(0),
  ]
}

function tell({ strategy, found, diverged, restless }: RunResult): void {
  const lines = [
    ...restless.map((text) => `never at rest: ${text}`),
    ...found.map(({ kind, index, text }) => `${kind}, key ${index}: ${text}`),
    ...diverged.map((text) => `diverged: ${text}`),
  ]
  for (const line of lines.slice(0, 6)) console.log(`${strategy}: ${line}`)
  if (lines.length > 6) console.log(`${strategy}: and ${lines.length - 6} more`)
}
