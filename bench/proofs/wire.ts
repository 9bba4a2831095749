/** `npm run prove -- wire`: raw cases direct against through the edge, byte for byte but for the documented differences. */
import { alterations, type Comparison, compareAll } from '../../test/wire/transparency.ts'
import type { BenchOptions } from '../command.ts'
import { printTable } from '../print.ts'

export async function prove({ long }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const times = long ? 200 : 5
  const compared = await compareAll(times)
  printTable(
    ['case', 'documented lines', 'result'],
    compared.map(({ name, documented, faults }) => [name, documented, faults[0] ?? 'equal']),
  )

  const controls: [string, Comparison[]][] = []
  for (const [name, alter] of Object.entries(alterations))
    controls.push([name, (await compareAll(1, alter)).filter(differs)])
  printTable(
    ['negative control', 'cases that differ', 'first difference'],
    controls.map(([name, found]) => [name, found.length, found[0]?.faults[0] ?? 'NOT FOUND']),
  )

  const wrong = compared.filter(differs).length
  const missed = controls.filter(([, found]) => found.length === 0).length
  const figures = `${compared.length} cases x ${times}, ${wrong} differ; ${controls.length - missed} of ${controls.length} negative controls found`
  return { pass: wrong === 0 && missed === 0 && compared.length >= 20, figures }
}

function differs({ faults }: Comparison): boolean {
  return faults.length > 0
}
