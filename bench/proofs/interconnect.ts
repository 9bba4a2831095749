/** `npm run prove -- interconnect`: what 20 ms between two sites, an outage of them and a restart cost. */
import { writeFile } from 'node:fs/promises'
import type { BenchOptions } from '../command.ts'
import { percentile } from '../plot.ts'
import { grouped, printTable } from '../print.ts'
import { type Drained, drainAfterOutage } from '../support/replication/drain-after-outage.ts'
import { measureLag } from '../support/replication/measure-lag.ts'
import type { Watched } from '../support/replication/measures.ts'
import { plotLag } from '../support/replication/plot-lag.ts'
import { type Restarted, restartWithPending } from '../support/replication/restart-with-pending.ts'
import { openSurroundings } from '../support/replication/surroundings.ts'
import { compareWrites, type WriteRounds } from '../support/replication/write-latency.ts'

export interface InterconnectForm {
  readonly seed: number
  readonly perSecond: number
  /** So many rounds of so long. */
  readonly lagRounds: number
  readonly lagForMs: number
  /** Of each, healthy and black-holed. */
  readonly rounds: number
  readonly roundMs: number
  readonly deletes: number
  readonly pending: number
  /** A machine that does a hundred other things at once needs more; default 1. */
  readonly patience?: number
  /** Where the lag over time is drawn; absent: nowhere. */
  readonly draw?: URL
}

const limits = { lagMs: 100, ratio: 1.2, drainMs: 30_000, restartMs: 5_000 }

export async function prove({ long, seed, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const rate = args.find((arg) => arg.startsWith('rate='))?.slice('rate='.length)
  return proveInterconnect({
    seed,
    perSecond: Number(rate ?? 5_000),
    lagRounds: long ? 10 : 4,
    lagForMs: 5_000,
    rounds: long ? 10 : 4,
    roundMs: 3_000,
    deletes: long ? 3_000_000 : 300_000,
    pending: 1_000_000,
    draw: new URL('../results/interconnect.svg', import.meta.url),
  })
}

export async function proveInterconnect(form: InterconnectForm): Promise<{ pass: boolean; figures: string }> {
  const { seed, patience = 1 } = form
  await using around = await openSurroundings({ strategy: 'journal', keys: 1, seed, direct: true })
  const lags = await measureLag(around, form)
  const writes = await compareWrites(around, form)
  const drained = await drainAfterOutage(around, form.deletes)
  const restarted = await restartWithPending(around, form.pending)
  if (form.draw !== undefined)
    await writeFile(
      form.draw,
      plotLag(
        lags.flatMap(({ line }) => line),
        `${grouped(form.perSecond)} writes a second, 20 ms round trip`,
      ),
    )

  tellLag(lags, form)
  tellWrites(writes)
  tellOutage(drained, restarted)
  // Noise only adds: the round with the least of it speaks.
  const lagMs = Math.min(...lags.map(slowest))
  const lost = lags.reduce((all, round) => all + round.lost, 0)
  const ratio = writes.blackHoled / writes.healthy
  const controlRatio = writes.control.blackHoled / writes.control.healthy
  const good =
    lagMs <= limits.lagMs * patience &&
    lost === 0 &&
    ratio <= 1 + (limits.ratio - 1) * patience &&
    drained.ms <= limits.drainMs * patience &&
    drained.left === 0 &&
    restarted.shipsAfterMs <= limits.restartMs * patience
  const controlsFail = controlRatio > limits.ratio && !drained.whileDown && drained.leftWhileDown > 0
  const figures =
    `lag p99 ${lagMs.toFixed(0)} ms at ${grouped(form.perSecond)} writes/s; writes with the link a black hole ` +
    `${ratio.toFixed(2)} x; ${grouped(drained.deletes)} deletes drained in ${(drained.ms / 1000).toFixed(1)} s; ` +
    `${grouped(restarted.pending)} pending ship ${(restarted.shipsAfterMs / 1000).toFixed(1)} s after the start; ` +
    `controls: a writer that waits ${controlRatio.toFixed(1)} x, ${drained.leftWhileDown} deletes not there while it is down`
  return { pass: good && controlsFail, figures }
}

/** p99 of values or of deletes, whichever is longer. */
const slowest = ({ values, deletes }: Watched): number =>
  Math.max(percentile(values.toSorted(), 0.99), percentile(deletes.toSorted(), 0.99))

function tellLag(lags: readonly Watched[], { perSecond }: InterconnectForm): void {
  const row = (name: string, times: Float64Array, lost: number) => [
    name,
    times.length,
    ...[0.5, 0.99, 1].map((share) => percentile(times.toSorted(), share).toFixed(1)),
    lost,
  ]
  printTable(
    [`seen at the other site, ${grouped(perSecond)} writes/s`, 'marks', 'p50', 'p99', 'most, ms', 'never seen'],
    lags.flatMap(({ values, deletes, lost }, at) => [
      row(`round ${at + 1}: a value`, values, lost),
      row('a delete', deletes, 0),
    ]),
  )
}

function tellWrites({ rounds, healthy, blackHoled, control }: WriteRounds): void {
  printTable(
    ['p99 of writes here, ms', 'healthy', 'black hole', 'ratio'],
    [
      ...rounds.map(([before, during], at) => row(`round ${at + 1}`, before, during)),
      row('lowest of each', healthy, blackHoled),
      row('control: waits for the link', control.healthy, control.blackHoled),
    ],
  )
}

const row = (name: string, healthy: number, blackHoled: number) => [
  name,
  healthy.toFixed(2),
  blackHoled.toFixed(2),
  (blackHoled / healthy).toFixed(2),
]

function tellOutage(drained: Drained, { pending, pendMs, readyMs, shipsAfterMs }: Restarted): void {
  printTable(
    ['outage', 'deletes', 'written in s', 'asked again', 'drained in s', 'values left there'],
    [
      [
        'healed',
        grouped(drained.deletes),
        (drained.writtenMs / 1000).toFixed(1),
        drained.again,
        (drained.ms / 1000).toFixed(1),
        drained.left,
      ],
      [
        'control: still down',
        grouped(drained.deletes),
        '',
        '',
        drained.whileDown ? 'drained' : 'never',
        drained.leftWhileDown,
      ],
    ],
  )
  printTable(
    ['restart (kill -9)', 'pending', 'appended in s', 'listens after s', 'first records there after s'],
    [['', grouped(pending), (pendMs / 1000).toFixed(1), (readyMs / 1000).toFixed(1), (shipsAfterMs / 1000).toFixed(1)]],
  )
}
