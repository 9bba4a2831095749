/**
 * Services move to the other site and back under load, and no client notices: real Redis and Memcached servers a site,
 * 300 requests a second through the edge all the time. The last table takes guards away: then it must be noticed.
 */
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { runControls } from '../support/journey/controls.ts'
import { firstStep } from '../support/journey/first-step.ts'
import { claimedLimits, type JourneyResult, journey } from '../support/journey/journey.ts'
import { startWranglerEdge } from '../support/journey/wrangler-edge.ts'
import { type RunningSystem, startSystem } from '../support/start-system.ts'

const short = { times: 1, holdMs: 4_000, awayMs: 10_000 } as const
const full = { times: 4, holdMs: 15_000, awayMs: 30_000 } as const
const perSecond = 300

export async function prove({ long, seed }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const { times, holdMs, awayMs } = long ? full : short
  const results: JourneyResult[] = []
  for (let at = 0; at < times; at++) {
    // Two processes of an edge learn of a flip at different moments.
    const workers = 1 + (at % 2)
    if (long) console.log(`\nJourney ${at + 1} of ${times}: seed ${seed + at}, edge processes: ${workers}`)
    const options = { seed: seed + at, perSecond, holdMs, awayMs, limits: claimedLimits, tell: console.log }
    results.push(await onOwnSystem(workers, (system) => journey(system, options)))
  }

  console.log('\nThe first step through `wrangler dev`, before the same gateways')
  const byWrangler = await onOwnSystem(1, (system) => throughWrangler(system, seed, holdMs))

  console.log('\nThe same checks with a guard taken away')
  const controls = await onOwnSystem(1, (system) => runControls(system, seed))
  printTable(
    ['negative control', 'answered 401', 'not warm', 'doubled', 'lost', 'noticed'],
    controls.map(({ name, harm: { refused, cold, doubled, lost }, noticed }) => [
      ...[name, refused, cold, doubled, lost],
      noticed ? 'as it must be' : 'WRONGLY',
    ]),
  )
  const missed = controls.filter(({ noticed }) => !noticed).length
  return {
    pass: missed === 0 && byWrangler.length === 0 && results.every(({ faults }) => faults.length === 0),
    figures:
      `${figuresOf(results)}; through wrangler dev: ${byWrangler.length} faults; ` +
      `${controls.length - missed} of ${controls.length} controls as they must be; seed ${seed}`,
  }
}

async function throughWrangler(system: RunningSystem, seed: number, holdMs: number): Promise<readonly string[]> {
  await using edge = await startWranglerEdge(system)
  return await firstStep(system, {
    url: edge.url,
    seed,
    perSecond: 50,
    holdMs,
    limits: claimedLimits,
    tell: console.log,
  })
}

async function onOwnSystem<Result>(workers: number, work: (system: RunningSystem) => Promise<Result>): Promise<Result> {
  await using system = await startSystem({ stores: 'real', workers })
  return await work(system)
}

function figuresOf(results: readonly JourneyResult[]): string {
  const sum = (of: (result: JourneyResult) => number): number => results.reduce((total, one) => total + of(one), 0)
  const most = (of: (result: JourneyResult) => number): number => Math.max(...results.map(of))
  return (
    `${grouped(sum(({ requests }) => requests))} requests, ${sum(({ failed }) => failed)} failed; ` +
    `${grouped(sum(({ writes }) => writes))} writes, ${sum(({ doubled }) => doubled)} doubled, ${sum(({ lost }) => lost)} lost; ` +
    `flips at the gateways in <= ${Math.round(most(({ slowest }) => slowest.gateways))} ms, ` +
    `at the edge in <= ${Math.round(most(({ slowest }) => slowest.edge))} ms`
  )
}
