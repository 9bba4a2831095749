/**
 * `npm run prove -- caching [ours]`: each rule of the response cache by conversations over HTTP, in both profiles; what `api`
 * does otherwise, and why. For comparison nginx and Varnish with the cases that are HTTP's own; `ours` leaves them out.
 */
import type { BenchOptions } from '../command.ts'
import { printTable } from '../print.ts'
import { allCases } from '../support/caching/all-cases.ts'
import { type Case, type Difference, differences, type Profile } from '../support/caching/case.ts'
import { gateway, nginx, varnish } from '../support/caching/fronts.ts'
import { cacheRules, leftOut } from '../support/caching/rules.ts'
import { type Front, type Judged, runCases, runOnce } from '../support/caching/run-cases.ts'
import { type ScriptedOrigin, startScriptedOrigin } from '../support/caching/scripted-origin.ts'

interface Rival {
  readonly name: string
  readonly cases: number
  readonly passed: number
}

export async function prove({ args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  await using origin = await startScriptedOrigin()
  const { strict, api, mistaken } = await judgeOurs(origin)
  printRules(strict, api)
  printFaults([...strict, ...api])
  printDifferences(api)
  const rivals = args.includes('ours') ? [] : await judgeRivals(origin)
  printControls(mistaken, rivals)

  const open = [...strict, ...api].filter(failed).length
  const unseen = mistaken.filter((one) => !failed(one)).length
  const again = [...strict, ...api].filter((one) => one.again).length
  const seen = new Set(allCases.map(({ id }) => id)).size
  const others = rivals.map((rival) => `, ${rival.name} ${percent(rival)}`).join('')
  const figures = `${allCases.length} cases of ${seen} rules: ${strict.length - count(strict)} pass in strict, ${api.length - count(api)} in api (${again} not at the first try); ${mistaken.length - unseen} of ${mistaken.length} mistaken expectations found${others}`
  return { pass: open === 0 && unseen === 0 && rivals.every(({ cases, passed }) => passed < cases), figures }
}

/** Both profiles; and as the negative control what one profile is meant to do otherwise, expected of the other. */
async function judgeOurs(origin: ScriptedOrigin): Promise<Record<'strict' | 'api' | 'mistaken', readonly Judged[]>> {
  await using front = await gateway(origin.port)
  const [strict, api, ...mistaken] = await Promise.all([
    runCases(front, origin, allCases, 'strict'),
    runCases(front, origin, allCases, 'api'),
    mistakes(front, origin, 'strict'),
    mistakes(front, origin, 'api'),
  ])
  return { strict, api, mistaken: mistaken.flat() }
}

/** A store that is late makes a miss, which may look like what is expected by mistake: so this, too, is tried twice. */
async function mistakes(front: Front, origin: ScriptedOrigin, profile: Profile): Promise<Judged[]> {
  const first = await runOnce(front, origin, allCases.flatMap(exchanged), profile, '-mistaken')
  const unseen = first.filter((judged) => !failed(judged)).map(({ one }) => one)
  return [...first.filter(failed), ...(await runOnce(front, origin, unseen, profile, '-mistaken-again'))]
}

function exchanged(one: Case): Case[] {
  return one.api === undefined ? [] : [{ ...one, steps: one.api.steps, api: { ...one.api, steps: one.steps } }]
}

async function judgeRivals(origin: ScriptedOrigin): Promise<Rival[]> {
  const cases = allCases.filter(({ ours }) => !ours)
  const rivals: Rival[] = []
  for (const [name, start] of Object.entries({ nginx, varnish })) {
    await using front: Front = await start(origin.port)
    const judged = await runCases(front, origin, cases, 'strict', { run: `-${name}`, tries: 2 })
    rivals.push({ name, cases: cases.length, passed: cases.length - count(judged) })
  }
  return rivals
}

const failed = ({ fault }: Judged): boolean => fault !== undefined
const count = (judged: readonly Judged[]): number => judged.filter(failed).length
const percent = ({ cases, passed }: Rival): string => `${Math.floor((100 * passed) / cases)} %`

function printRules(strict: readonly Judged[], api: readonly Judged[]): void {
  const rows = Object.entries(cacheRules).flatMap(([id, rule]) => {
    const of = (judged: readonly Judged[]) => judged.filter(({ one }) => one.id === id)
    const cases = of(strict).length
    return cases === 0 ? [] : [[`${id.padEnd(4)} ${rule}`, cases, outcome(of(strict)), outcome(of(api))]]
  })
  printTable(['rule', 'cases', 'strict', 'api'], rows)
  const unseen = Object.keys(cacheRules).filter((id) => !allCases.some((one) => one.id === id))
  console.log(`Not to be seen over HTTP, and held by tests (docs/reference/cache-rules.md): ${unseen.join(', ')}`)
  for (const [id, why] of Object.entries(leftOut)) console.log(`Left out: ${id} ${why}`)
  console.log('')
}

function outcome(judged: readonly Judged[]): string {
  const wrong = count(judged)
  if (wrong > 0) return `${wrong} FAIL`
  const profile: Profile = judged[0]?.profile ?? 'strict'
  const meant = new Set(
    judged.flatMap(({ one }) => (profile === 'api' && one.api !== undefined ? [one.api.because] : [])),
  )
  return meant.size === 0 ? 'pass' : `pass, but: ${[...meant].join(', ')}`
}

function printFaults(judged: readonly Judged[]): void {
  for (const { one, profile, fault } of judged)
    if (fault !== undefined) console.log(`${profile} ${one.id} (route ${one.route}): ${one.name}\n  ${fault}`)
  console.log('')
}

function printDifferences(api: readonly Judged[]): void {
  const rows = (Object.keys(differences) as Difference[]).map((because) => {
    const meant = api.filter(({ one }) => one.api?.because === because)
    return [`${because}: ${differences[because]}`, meant.length, count(meant) === 0 ? 'as declared' : 'FAIL']
  })
  printTable(['what api does otherwise', 'cases', 'shown'], rows)
}

function printControls(mistaken: readonly Judged[], rivals: readonly Rival[]): void {
  const ours = [
    'tidegate, each profile held to what the other does',
    mistaken.length,
    mistaken.length - count(mistaken),
  ]
  printTable(
    ['negative control', 'cases', 'passed', 'share'],
    [
      [...ours, `${Math.floor((100 * (mistaken.length - count(mistaken))) / Math.max(1, mistaken.length))} %`],
      ...rivals.map((rival) => [rival.name, rival.cases, rival.passed, percent(rival)]),
    ],
  )
  for (const { one, profile } of mistaken.filter((judged) => !failed(judged)))
    console.log(`not found: ${profile} ${one.id}: ${one.name}`)
}
