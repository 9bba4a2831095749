/** `npm run prove -- outage`: Redis, one instance of three and the control plane fail under load, and the policy holds. */
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { breaches, counted, declared } from '../support/outage/declared.ts'
import {
  type How,
  kinds,
  type PartName,
  runScenario,
  type ScenarioOptions,
  type ScenarioResult,
} from '../support/outage/scenario.ts'
import { openSurroundings } from '../support/outage/surroundings.ts'

const parts: readonly PartName[] = ['redis', 'instance', 'control plane']
const hows: readonly How[] = ['killed', 'frozen', 'black-holed']
const every = parts.flatMap((part) => hows.map((how) => ({ part, how })))

export async function prove({ long }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  return proveOutage({ perSecond: 120, faultMs: long ? 600_000 : 10_000, recoveryMs: 60_000 }, every)
}

export async function proveOutage(
  options: ScenarioOptions,
  scenarios: readonly { readonly part: PartName; readonly how: How }[],
): Promise<{ pass: boolean; figures: string }> {
  const results: ScenarioResult[] = []
  for (const { part, how } of scenarios) {
    // Each with surroundings of its own: what one taught the gateway must not help in the next.
    await using around = await openSurroundings()
    const result = await runScenario(around, part, how, options)
    results.push(result)
    timeline(result)
  }
  console.log('control: an instance killed, nothing is left out or tried again')
  await using bare = await openSurroundings({ upstreams: { ejection: false, breaker: false } }, { never: true })
  const control = await runScenario(bare, 'instance', 'killed', { ...options, faultMs: 4_000 })
  timeline(control)

  printTable(
    ['what', ...kinds.map((kind) => `${kind}, not as usual`), 'amplification', 'well again s', 'breaches'],
    [...results, control].map((result) => [
      `${result === control ? 'control: ' : ''}${result.part} ${result.how}`,
      ...kinds.map((kind) => counted(result.during.filter((seen) => seen.kind === kind && unusual(seen.said, kind)))),
      result.amplification.toFixed(3),
      result.recoveredMs === undefined ? '-' : (result.recoveredMs / 1_000).toFixed(1),
      breaches(result).length,
    ]),
  )
  const wrong = results.flatMap((result) => breaches(result).map((text) => `${result.part} ${result.how}: ${text}`))
  for (const text of wrong.slice(0, 20)) console.log(text)
  const found = breaches(control).length
  const requests = results.reduce(
    (sum, { before, during, after }) => sum + before.length + during.length + after.length,
    0,
  )
  const most = Math.max(...results.map(({ amplification }) => amplification))
  const figures =
    `${scenarios.length} outages, ${grouped(requests)} requests, ${wrong.length} against the declared policy, ` +
    `at most ${most.toFixed(3)} sends a request; control: ${found}`
  return { pass: wrong.length === 0 && found > 0, figures }
}

/** Each second of the fault in which not all was as usual. */
function timeline({ part, how, during }: ScenarioResult): void {
  console.log(`${part} ${how}: ${declared(part, how).says}`)
  const seconds = Map.groupBy(during, ({ atMs }) => Math.floor(atMs / 1_000))
  let before = ''
  for (const [second, seen] of [...seconds].toSorted(([a], [b]) => a - b)) {
    const odd = counted(seen.filter(({ kind, said }) => unusual(said, kind)))
    const text = odd === '' ? 'as usual' : odd
    if (text !== before) console.log(`  +${second} s  ${text}`)
    before = text
  }
  console.log('')
}

function unusual(said: string, kind: string): boolean {
  return kind === 'unknown' ? said !== '401 token-invalid' : said !== '200'
}
