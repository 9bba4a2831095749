/** `npm run bench -- edge [--long]`: nothing, nginx, workerd that passes on and the edge before the same origins; no verdict. */
import type { BenchOptions } from '../command.ts'
import { bigTable } from '../support/edge-cost/big-table.ts'
import { startContenders } from '../support/edge-cost/contenders.ts'
import { proveLatency } from '../support/edge-cost/latency-claims.ts'
import { proveThroughput } from '../support/edge-cost/throughput-claims.ts'

export async function bench({ long, seed }: BenchOptions): Promise<void> {
  const table = await bigTable(seed)
  await using contenders = await startContenders(table)
  const effort = { rounds: long ? 10 : 3, patience: 1 }
  await proveLatency(contenders, table, { aloneRounds: 3 * effort.rounds, aloneMs: 300 })
  await proveThroughput(contenders, table, { ...effort, turns: effort.rounds, seconds: 2 })
}
