/** What a request costs a contender that has as many as it takes. */
import { cpus } from 'node:os'
import { grouped, printTable } from '../../print.ts'
import type { BigTable } from './big-table.ts'
import { below, type Claim, type Effort, median, none } from './claim.ts'
import type { Contender, Contenders } from './contenders.ts'
import { type Saturated, saturate } from './saturated.ts'

/** CPU of the edge to that of a worker that only passes on; of two processes to that of one. The goal is of a quiet machine. */
const mostOfBare = 2.2
const mostOfOne = 1.25
const goalPerCore = 6_000

export interface Saturation {
  /** Of each contender. */
  readonly turns: number
  readonly seconds: number
}

export async function proveThroughput(
  { nginx, bare, edge, twoEdges }: Contenders,
  table: BigTable,
  { turns, patience, seconds }: Effort & Saturation,
): Promise<Claim[]> {
  const measured = [nginx, bare, edge, twoEdges].map((contender) => ({ contender, runs: [] as Saturated[] }))
  for (let turn = 0; turn < turns; turn++) {
    for (const { contender, runs } of measured) runs.push(await saturate(contender, table, seconds))
  }
  const cpuOf = (runs: readonly Saturated[]): number => Math.min(...runs.map(({ cpuUs }) => cpuUs))
  const cpu = (of: Contender): number => cpuOf(measured.find(({ contender }) => contender === of)?.runs ?? [])
  printTable(
    ['32 connections, 400 targets', 'most req/s', 'CPU us a request', 'median', 'so a core: req/s', 'cores used'],
    measured.map(({ contender: { name }, runs }) => [
      name,
      grouped(Math.max(...runs.map(({ perSecond }) => perSecond))),
      cpuOf(runs).toFixed(1),
      median(runs.map(({ cpuUs }) => cpuUs)).toFixed(1),
      grouped(1e6 / cpuOf(runs)),
      Math.max(...runs.map(({ busy }) => busy)).toFixed(2),
    ]),
  )
  const reached = 1e6 / cpu(edge) >= goalPerCore ? 'reached' : 'not reached here'
  console.log(
    `Client, origin and contender share ${cpus().length} cores: req/s is what they leave to it, its CPU is the figure.\n` +
      `The goal, ${grouped(goalPerCore)} req/s of one core, is ${reached}.\n`,
  )
  const failed = measured.flatMap(({ runs }) => runs).reduce((sum, run) => sum + run.failed, 0)
  const us = (value: number): string => `${value.toFixed(0)} us`
  const slack = Math.sqrt(patience)
  return [
    below('CPU a request', cpu(edge), mostOfBare * cpu(bare) * slack, us),
    below('CPU a request, two processes', cpu(twoEdges), mostOfOne * cpu(edge) * slack, us),
    none('requests failed', failed),
  ]
}
