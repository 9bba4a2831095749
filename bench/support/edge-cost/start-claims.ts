/** How long a workerd process with the edge and its table takes to start, above one with next to nothing. */
import { printTable } from '../../print.ts'
import type { BigTable } from './big-table.ts'
import { below, type Claim, type Effort, median, ms } from './claim.ts'
import type { Contenders } from './contenders.ts'
import { measureStarts, type Start } from './starts.ts'

const limitMs = 100

export async function proveStart(
  table: BigTable,
  { direct }: Contenders,
  { rounds, patience }: Effort,
): Promise<Claim[]> {
  const starts = await measureStarts(table, `http://127.0.0.1:${direct.port}`, rounds)
  const wall = ({ tookMs }: Start): number => tookMs
  const cpu = (start: Start): number => start.cpuMs
  const lowest = (of: readonly Start[], value: (start: Start) => number): number => Math.min(...of.map(value))
  printTable(
    ['from spawn to the first 200', 'lowest', 'median', 'lowest CPU', 'median CPU'],
    (
      [
        ['the edge, 10,000 routes', starts.edge],
        ['a trivial worker', starts.trivial],
      ] as const
    ).map(([name, of]) => [
      name,
      ...[wall, cpu].flatMap((value) => [ms(lowest(of, value)), ms(median(of.map(value)))]),
    ]),
  )
  const above = (value: (start: Start) => number): number => lowest(starts.edge, value) - lowest(starts.trivial, value)
  return [
    below('start above a trivial worker', above(wall), limitMs * patience, ms),
    below('its CPU', above(cpu), limitMs * patience, ms),
  ]
}
