/**
 * `npm run prove -- frozen-zone [--long]`: a site of two zones, each a real memcached, and one of them stands still (SIGSTOP).
 * Nobody who asks for a value is to see an error, a wrong value or a wait. Beside it, in the same run, two clients of memjs.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import type { BenchOptions } from '../command.ts'
import { percentile, plotPercentiles } from '../plot.ts'
import { grouped, printTable } from '../print.ts'
import { type OpenContender, openMemjsPair, openNearAlone, openTidegate } from '../support/frozen-zone/contenders.ts'
import { type Freeze, underFreeze } from '../support/frozen-zone/freeze.ts'

const goalMs = 30
const readDeadlineMs = 10

export interface FrozenZoneOptions {
  /** Of each run, ms; the zone stands still for two fifths of it. */
  readonly ms: number
  readonly rates: readonly number[]
  /** What the deadline of a zone and the longest wait may be above the goal: more than 1 where others use the same cores. */
  readonly patience: number
  /** Where the drawing goes. */
  readonly draw?: URL
}

interface Run extends Freeze {
  readonly name: string
  readonly perSecond: number
  readonly frozen: 0 | 1
}

export function prove({ long }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  return proveFrozenZone({
    ms: long ? 60_000 : 10_000,
    rates: [50, 5_000],
    patience: 1,
    draw: new URL('../results/frozen-zone.svg', import.meta.url),
  })
}

export async function proveFrozenZone({ ms, rates, patience, draw }: FrozenZoneOptions) {
  const runs: Run[] = []
  const run = async (name: string, open: OpenContender, frozen: 0 | 1, perSecond: number): Promise<Run> => {
    const done = {
      name,
      frozen,
      perSecond,
      ...(await underFreeze(open, { frozen, perSecond, ms, readDeadlineMs: readDeadlineMs * patience })),
    }
    runs.push(done)
    return done
  }
  const ours: Run[] = []
  for (const perSecond of rates) {
    for (const frozen of [0, 1] as const) ours.push(await run('Tidegate', openTidegate, frozen, perSecond))
    await run('memjs 1.3.2', openMemjsPair, 0, perSecond)
  }
  const control = await run('control: no second zone', openNearAlone, 0, rates[0] ?? 50)

  console.log(
    `Two zones; one stands still for ${(ms * 2) / 5 / 1000} s of ${ms / 1000} s. A zone has ${readDeadlineMs * patience} ms for a read.`,
  )
  console.log(
    'stall: the longest time for which this process did not run at all; other work on the machine shows there.\n',
  )
  printTable(
    ['', 'gets/s', 'frozen', 'asked', 'errors', 'p50 ms', 'p99 ms', 'longest ms', 'stall ms'],
    runs.map(({ name, perSecond, frozen, asked, errors, sortedMs, stallMs }) => [
      name,
      perSecond,
      frozen === 0 ? 'near' : 'far',
      grouped(asked),
      errors,
      percentile(sortedMs, 0.5).toFixed(2),
      percentile(sortedMs, 0.99).toFixed(2),
      longest(sortedMs).toFixed(1),
      stallMs.toFixed(1),
    ]),
  )
  const isCalm = ({ errors, sortedMs }: Freeze): boolean => errors === 0 && longest(sortedMs) <= goalMs * patience
  const missed = ours.filter((each) => !isCalm(each))
  for (const { perSecond, frozen } of missed)
    console.log(`missed: ${perSecond}/s, ${frozen === 0 ? 'near' : 'far'} zone frozen`)
  const caught = !isCalm(control)
  console.log(`negative control, ${control.name}: ${caught ? 'caught' : 'NOT caught'}, ${control.errors} errors\n`)
  if (draw !== undefined) await drawn(draw, runs, ms)
  const errors = ours.reduce((sum, each) => sum + each.errors, 0)
  const asked = ours.reduce((sum, each) => sum + each.asked, 0)
  const worst = Math.max(...ours.map(({ sortedMs }) => longest(sortedMs)))
  const figures = `${errors} errors in ${grouped(asked)} gets, longest wait ${worst.toFixed(1)} ms (goal ${goalMs}); control caught: ${caught}`
  return { pass: missed.length === 0 && caught, figures }
}

const longest = (sorted: Float64Array): number => sorted.at(-1) ?? Number.POSITIVE_INFINITY

async function drawn(file: URL, runs: readonly Run[], ms: number): Promise<void> {
  const curves = runs
    .filter(({ frozen }) => frozen === 0)
    .map(({ name, perSecond, sortedMs }) => ({ name: `${name}, ${grouped(perSecond)}/s`, sorted: sortedMs }))
  const machine = `${cpus().length} cores shared by all, Node ${process.versions.node}`
  const note = `the near zone of two gets a SIGSTOP for ${(ms * 2) / 5 / 1000} of ${ms / 1000} s; ${machine}`
  await mkdir(new URL('.', file), { recursive: true })
  await writeFile(file, plotPercentiles(curves, { title: 'What a get waits while a zone stands still', note }))
  console.log('drawn: bench/results/frozen-zone.svg')
}
