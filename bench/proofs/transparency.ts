/** `npm run prove -- transparency`: each case direct and through a real edge; only documented differences, byte for byte. */
import { carelessEdges } from '../../test/wire/careless-edge.ts'
import { documentedDifferences } from '../../test/wire/documented-differences.ts'
import { type Comparison, startTransparency } from '../../test/wire/transparency.ts'
import type { BenchOptions } from '../command.ts'
import { printTable } from '../print.ts'

const mebibyte = 1024 * 1024
const leastCases = 60
/** What an operator would send through an edge without thinking: an image, a backup, a film. */
const streamMebibytes = 200

export async function prove({ long, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const [stream = streamMebibytes, secondMs = 1_000] = ['stream', 'second'].map((name) => numberOf(args, name))
  const times = long ? 20 : 1
  await using transparency = await startTransparency({ streamBytes: stream * mebibyte, secondMs })
  const compared = await transparency.compareAll(times)
  const wrong = compared.filter(differs)
  printThemes(compared)
  printTable(
    ['measured on the way', 'direct', 'edge'],
    compared.filter(({ figures }) => figures.length > 0).map(({ name, figures }) => [name, ...figures.map(withoutWay)]),
  )
  printDocumented(compared)
  if (wrong.length > 0)
    printTable(
      ['differs', 'first difference'],
      wrong.map(({ name, faults }) => [name, faults[0] ?? '']),
    )

  const missed: string[] = []
  const controls: string[][] = []
  for (const careless of carelessEdges) {
    const found = (await transparency.compareBehind(careless)).filter(differs)
    if (found.length < careless.foundBy.length) missed.push(careless.name)
    controls.push([careless.name, `${found.length} of ${careless.foundBy.length}`, short(found[0]?.faults[0])])
  }
  printTable(['negative control: an edge with', 'found by cases', 'first difference'], controls)

  const figures = [
    `${compared.length} cases x ${times}`,
    `${wrong.length} differ otherwise than documented`,
    `streams of ${stream} MiB`,
    `${carelessEdges.length - missed.length} of ${carelessEdges.length} negative controls found`,
  ]
  const pass = wrong.length === 0 && missed.length === 0 && compared.length >= leastCases
  return { pass, figures: figures.join(', ') }
}

function differs({ faults }: Comparison): boolean {
  return faults.length > 0
}

/** What each request to a gateway carries by design is no difference to count. */
function isEqual({ documented }: Comparison): boolean {
  return documented.every((name) => name === 'mark-added' || name === 'trace-begun')
}

function printThemes(compared: readonly Comparison[]): void {
  const rows = [...Map.groupBy(compared, ({ theme }) => theme)].map(([theme, cases]) => [
    theme,
    cases.length,
    cases.filter((one) => !differs(one) && isEqual(one)).length,
    cases.filter((one) => !differs(one) && !isEqual(one)).length,
    cases.filter(differs).length,
  ])
  const sums = [1, 2, 3, 4].map((column) => rows.reduce((sum, row) => sum + Number(row[column]), 0))
  printTable(['theme', 'cases', 'equal', 'equal but for what is documented', 'differ'], [...rows, ['all', ...sums]])
}

function printDocumented(compared: readonly Comparison[]): void {
  const rows = Object.entries(documentedDifferences).map(([name, { row }]) => [
    name,
    row || '-',
    compared.filter(({ documented }) => documented.some((one) => one === name)).length,
  ])
  printTable(['documented difference', 'defect', 'seen in cases'], rows)
}

function numberOf(args: readonly string[], name: string): number | undefined {
  const value = args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1)
  return value === undefined ? undefined : Number(value)
}

function withoutWay(figure: string): string {
  return figure.replace(/^(?:direct|edge): /, '')
}

function short(text = 'NOT FOUND'): string {
  return text.length > 90 ? `${text.slice(0, 90)}...` : text
}
