/**
 * `npm run prove -- edge-cost [--long]`: what the edge costs with 10,000 routes on workerd, beside workerd with a worker
 * that only passes on, and nginx `split_clients` that chooses between the same origins, in the same run.
 */
import { gzipSync } from 'node:zlib'
import { request } from 'undici'
import { decide } from '#routes/decide.ts'
import { budgets } from '../../control-plane/edge/script-budgets.ts'
import { bundleWorker } from '../../edge-worker/host/bundle.ts'
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { type BigTable, bigTable } from '../support/edge-cost/big-table.ts'
import { below, type Claim, type Effort, none } from '../support/edge-cost/claim.ts'
import { type Contenders, startContenders } from '../support/edge-cost/contenders.ts'
import { proveDecisions } from '../support/edge-cost/decision-claims.ts'
import { type LatencyOptions, proveLatency } from '../support/edge-cost/latency-claims.ts'
import { proveStart } from '../support/edge-cost/start-claims.ts'
import { proveThroughput, type Saturation } from '../support/edge-cost/throughput-claims.ts'

export interface EdgeCostOptions extends Effort, LatencyOptions, Saturation {
  readonly seed: number
  readonly findWorst: boolean
}

const codeGoalBytes = 15 * 1024

export function prove({ long, seed }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  return proveEdgeCost({
    seed,
    rounds: long ? 15 : 5,
    aloneRounds: long ? 40 : 12,
    aloneMs: 300,
    turns: long ? 8 : 4,
    seconds: long ? 6 : 2,
    findWorst: true,
    patience: 1,
    draw: new URL('../results/edge-cost.svg', import.meta.url),
  })
}

export async function proveEdgeCost(options: EdgeCostOptions): Promise<{ pass: boolean; figures: string }> {
  const table = await bigTable(options.seed)
  // Times first, while nothing else runs.
  const decisions = await proveDecisions(table, options)
  const code = await codeBytes()
  if (code > codeGoalBytes)
    console.log(`The goal, ${grouped(codeGoalBytes)} bytes of code after gzip, is not reached.\n`)
  await using contenders = await startContenders(table)
  const elsewhere = await sentElsewhere(contenders, table)
  const start = await proveStart(table, contenders, options)
  const alone = await proveLatency(contenders, table, options)
  const many = await proveThroughput(contenders, table, options)

  const claims = [
    ...decisions.claims,
    below('code, gzip', code, budgets.codeGzipBytes, (bytes) => `${grouped(bytes)} bytes`),
    ...start,
    ...alone.claims,
    ...many,
    none('sent elsewhere than decided', elsewhere),
  ]
  const controls = [decisions.control, alone.control]
  tell('10,000 routes on workerd', claims, 'holds', 'FAILS')
  tell('negative control', controls, 'NOT FOUND OUT', 'found out')
  const found = controls.filter(({ holds }) => !holds).length
  return {
    pass: claims.every(({ holds }) => holds) && found === controls.length,
    figures:
      `${claims.map(({ name, measured }) => `${name} ${measured}`).join(', ')}; ` +
      `${found} of ${controls.length} controls found out; seed ${options.seed}`,
  }
}

/** Without the table, which is a module of its own. */
async function codeBytes(): Promise<number> {
  const { code } = await bundleWorker()
  return gzipSync(code, { level: 9 }).length
}

/** Before anything is timed each contender proves its answer; the edge's must come from the site that Node decides. */
async function sentElsewhere({ direct, nginx, bare, edge, twoEdges }: Contenders, { table, witnesses }: BigTable) {
  const gets = witnesses.filter(({ method }) => method === 'GET').slice(0, 200)
  let elsewhere = 0
  for (const { headers, host, target, ...rest } of gets) {
    const { site } = decide(table, { ...rest, host, target, header: (name) => headers[name] })
    for (const { name, port } of [direct, nginx, bare, edge, twoEdges]) {
      // Not by `fetch`, which writes a Host of its own.
      const { statusCode, body } = await request(`http://127.0.0.1:${port}${target}`, { headers: { ...headers, host } })
      const said = (await body.json()) as { site?: string }
      if (statusCode !== 200) throw new Error(`${name} answers ${statusCode} to ${target}`)
      if ((port === edge.port || port === twoEdges.port) && said.site !== site) elsewhere++
    }
  }
  return elsewhere
}

function tell(heading: string, claims: readonly Claim[], yes: string, no: string): void {
  printTable(
    [heading, 'measured', 'limit', ''],
    claims.map(({ name, measured, limit, holds }) => [name, measured, limit, holds ? yes : no]),
  )
}
