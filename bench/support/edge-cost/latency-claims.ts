/** What stands between adds to an answer when nothing queues. */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { percentile, plotPercentiles } from '../../plot.ts'
import { grouped, printTable } from '../../print.ts'
import type { BigTable } from './big-table.ts'
import { type Claim, exactMs, median } from './claim.ts'
import type { Contender, Contenders } from './contenders.ts'
import { mobileGet } from './mobile-request.ts'
import { timesOnOneConnection } from './one-connection.ts'

/** An answer by the edge to one by a worker that only passes on. The goal in ms is of a quiet machine. */
const mostOfBare = 1.9
const goalMs = 0.3

export interface LatencyOptions {
  /** Many and short ones: the lowest of them meets the least of what else goes on. */
  readonly aloneRounds: number
  /** Of each contender in each round, ms. */
  readonly aloneMs: number
  /** Where the drawing goes. */
  readonly draw?: URL
}

interface Measured {
  readonly contender: Contender
  /** Of each round, ms. */
  readonly p50: readonly number[]
  readonly sorted: Float64Array
}

export async function proveLatency(
  { direct, nginx, bare, edge, asking }: Contenders,
  table: BigTable,
  options: LatencyOptions,
): Promise<{ claims: Claim[]; control: Claim }> {
  const measured = await inTurn([direct, nginx, bare, edge, asking], table, options)
  const lowest = (of: Contender): number => Math.min(...(measured.find(({ contender }) => contender === of)?.p50 ?? []))
  const added = (of: Contender): number => lowest(of) - lowest(direct)
  printTable(
    ['one connection, 13 mobile headers', 'p50', 'median of rounds', 'added', 'p99', 'answers'],
    measured.map(({ contender, p50, sorted }) => [
      contender.name,
      exactMs(lowest(contender)),
      exactMs(median(p50)),
      exactMs(added(contender)),
      exactMs(percentile(sorted, 0.99)),
      grouped(sorted.length),
    ]),
  )
  const reached = added(edge) <= goalMs ? 'reached' : 'not reached here'
  console.log(`The goal, at most ${exactMs(goalMs)} added by the edge on a quiet machine, is ${reached}.\n`)
  if (options.draw !== undefined) await draw(measured, options.aloneRounds, options.draw)

  // A ratio of the same rounds: busy neighbours slow both.
  const most = lowest(bare) * mostOfBare
  const claim = (name: string, of: Contender): Claim => ({
    name,
    measured: exactMs(added(of)),
    limit: `<= ${exactMs(most - lowest(direct))} (${mostOfBare} x workerd's own answer)`,
    holds: lowest(of) <= most,
  })
  return { claims: [claim('added p50', edge)], control: claim('an edge that asks somebody first', asking) }
}

async function inTurn(
  contenders: readonly Contender[],
  { witnesses, split }: BigTable,
  { aloneRounds, aloneMs }: LatencyOptions,
): Promise<Measured[]> {
  const splitGet = witnesses.find(({ method, target }) => method === 'GET' && split.has(target.split('/')[1] ?? ''))
  const request = mobileGet(splitGet?.target ?? '/')
  const measured = contenders.map((contender) => ({ contender, p50: [] as number[], times: [] as number[] }))
  for (let round = 0; round <= aloneRounds; round++) {
    for (const { contender, p50, times } of measured) {
      const taken = await timesOnOneConnection(contender.port, request, aloneMs)
      // The first round compiles what is hot and opens what stays open.
      if (round === 0) continue
      p50.push(median(taken))
      for (const time of taken) times.push(time)
    }
  }
  return measured.map(({ times, ...rest }) => ({ ...rest, sorted: Float64Array.from(times).sort() }))
}

async function draw(measured: readonly Measured[], rounds: number, file: URL): Promise<void> {
  const machine = `${cpus().length} cores shared with client and origin, Node ${process.versions.node}`
  const note = `one request at a time, ${rounds} rounds in turn; 10,000 routes; ${machine}`
  const curves = measured.map(({ contender: { name }, sorted }) => ({ name, sorted }))
  await mkdir(new URL('./', file), { recursive: true })
  await writeFile(file, plotPercentiles(curves, { title: 'What stands between, and what it adds', note }))
  console.log(`drawn: bench/results/${file.pathname.split('/').at(-1)}\n`)
}
