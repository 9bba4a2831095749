/** `npm run prove -- answers [--cases N]`: mutated answers of a service, and a good request behind each, through one gateway. */
import { readFileSync } from 'node:fs'
import { openBed, type RunningGateway } from '../../test/gateway/bed.ts'
import { placementSet, policy, route, service, structure } from '../../test/support/tables.ts'
import type { BenchOptions } from '../command.ts'
import { printTable } from '../print.ts'
import { type AnswerTally, runAnswers, startSpoilingService } from '../support/answer-runs.ts'
import { startCarelessProxy } from '../support/careless-proxy.ts'

const atOnce = 64
/** After the first tenth everything is warm: what the process grows by from there on would grow for ever. */
const warm = 0.1
const growthLimitBytes = 48 * 1024 * 1024
/** With fewer, a process is still warming up all the time. */
const casesForMemory = 50_000

export async function prove(options: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const { long, seed, cases = long ? 1_000_000 : 100_000 } = options
  await using spoiling = await startSpoilingService(seed)
  await using bed = await openBed()
  const gateway = await startGateway(bed, spoiling.url)
  let crashed = false
  const over = gateway.process.ended.then(() => {
    crashed = true
  })
  const first = Math.ceil(cases * warm)
  const startedMs = performance.now()
  const warming = await runAnswers(gateway.public, { cases: first, seed, atOnce })
  const before = rss(gateway)
  const rest = await runAnswers(gateway.public, { cases: cases - first, seed, atOnce, from: first })
  const grown = rss(gateway) - before
  const seconds = (performance.now() - startedMs) / 1000
  await Promise.race([over, Promise.resolve()])
  const faults = [...gateway.process.output().matchAll(/"level":"error".*/g)].map(([line]) => line.slice(0, 300))

  await using careless = await startCarelessProxy(spoiling.url)
  const control = await runAnswers(careless.url, { cases: 200, seed, atOnce: 24, patienceMs: 300 })

  const sum = added(warming, rest)
  printTable(
    ['through', 'cases', 'passed', 'refused', 'broken off', 'poisoned', 'good ones spoilt', 'wrong code'],
    [
      ['gateway', ...row(sum)],
      ['negative control: a proxy without guards', ...row(control)],
    ],
  )
  for (const line of [...sum.told, ...faults.slice(0, 3)]) console.log(line)
  const clean = sum.poisoned === 0 && sum.spoilt === 0 && sum.miscoded === 0 && faults.length === 0 && !crashed
  const found = control.poisoned > 0 && control.miscoded > 0
  const megabytes = (bytes: number) => Math.round(bytes / 1024 / 1024)
  return {
    pass: clean && found && (grown < growthLimitBytes || cases < casesForMemory),
    figures: `${cases} mutated answers in ${Math.round(seconds)} s (seed ${seed}): ${sum.poisoned} poisoned, ${sum.spoilt} good ones spoilt, ${sum.miscoded} wrong codes, ${crashed ? 'crashed' : 'no crash'}, ${faults.length} faults of ours, RSS ${megabytes(before)} MB then ${grown < 0 ? '' : '+'}${megabytes(grown)} MB${cases < casesForMemory ? ' (too few cases to judge that)' : ''}; control poisoned ${control.poisoned}`,
  }
}

async function startGateway(bed: Awaited<ReturnType<typeof openBed>>, url: string): Promise<RunningGateway> {
  const never = { never: true as const }
  const services = [service('orders', { deployments: [{ site: 'onprem', url }] })]
  const bad = { ...policy, retry: never, timeout: { connectMs: 1_000, firstByteMs: 200, totalMs: 400 } }
  const good = { ...policy, timeout: { connectMs: 5_000, firstByteMs: 10_000, totalMs: 20_000 } }
  const kind = { ...good, retry: never }
  const routes = [
    route('/bad/**', { policy: bad }),
    route('/kind/**', { policy: kind }),
    route('/good/**', { policy: good }),
  ]
  await bed.writeTable('table', structure(routes, { services }), placementSet([]))
  // Fewer connections than requests: one that is poisoned would be used again at once.
  const limits = { deploymentConnections: 40 }
  // That a shared machine is late is not what is shown here.
  const rates = { shedAbove: '10s' }
  return bed.start('onprem', { table: { file: 'table' }, limits, rates, log: { level: 'error', access: false } })
}

function rss({ process }: RunningGateway): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
}

function added(a: AnswerTally, b: AnswerTally): AnswerTally {
  return {
    cases: a.cases + b.cases,
    passed: a.passed + b.passed,
    refused: a.refused + b.refused,
    broken: a.broken + b.broken,
    poisoned: a.poisoned + b.poisoned,
    spoilt: a.spoilt + b.spoilt,
    miscoded: a.miscoded + b.miscoded,
    told: [...a.told, ...b.told],
  }
}

function row({ cases, passed, refused, broken, poisoned, spoilt, miscoded }: AnswerTally): number[] {
  return [cases, passed, refused, broken, poisoned, spoilt, miscoded]
}
