/**
 * `npm run prove -- framing [CASES]`: mutated framings through the gateway and, for comparison, through others. What the
 * service saw must be what was sent, and each answer must come to who asked.
 */
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { attack, type Findings } from '../support/framing/attack.ts'
import { makeCases } from '../support/framing/cases.ts'
import { bareNode, gateway, haproxy, lenient, nginx, type StartFront } from '../support/framing/fronts.ts'
import { startService } from '../support/framing/service.ts'

interface Outcome extends Findings {
  /** Messages of the front that a strict reader would refuse, with one of them. */
  readonly malformed: readonly string[]
  readonly foreign: number
  readonly seconds: number
}

const columns = ['front', 'cases', 'seen', 'not sent', 'unanswered', 'misdirected', 'malformed', 'cases/s'] as const

export async function prove({ long, seed, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const count = Number(args[0] ?? (long ? 1_000_000 : 100_000))
  const fewer = Math.max(500, Math.round(count / 20))
  const ours = await run(gateway, seed, count)
  const control = await run(lenient, seed, fewer)
  const rows: [string, Outcome][] = [['tidegate', ours]]
  if (count > 2_000) {
    rows.push(['nginx', await run(nginx, seed, fewer)])
    rows.push(['haproxy', await run(haproxy, seed, fewer)])
    rows.push(['node:http, bare', await run(bareNode, seed, fewer)])
  }
  rows.push(['negative control', control])
  printTable(
    columns,
    rows.map(([name, outcome]) => row(name, outcome)),
  )
  for (const sample of [...ours.samples, ...ours.malformed.slice(0, 3)]) console.log(sample)

  const smuggled = wrong(ours)
  const caught = control.notSent + control.misdirected
  const figures = `${grouped(ours.cases)} cases, ${grouped(ours.seen)} requests at the service, ${smuggled} smuggled; the lenient forwarder smuggled ${caught} in ${grouped(control.cases)}`
  return { pass: smuggled === 0 && caught > 0 && ours.cases === count && ours.seen > count / 2, figures }
}

async function run(start: StartFront, seed: number, count: number): Promise<Outcome> {
  await using service = await startService()
  await using front = await start(service.port)
  const begun = performance.now()
  const findings = await attack(front.port, makeCases(seed, count), service)
  const { malformed, foreign } = service
  return { ...findings, malformed, foreign: foreign.length, seconds: (performance.now() - begun) / 1_000 }
}

function wrong({ notSent, unanswered, misdirected, malformed, foreign }: Outcome): number {
  return notSent + unanswered + misdirected + malformed.length + foreign
}

function row(name: string, outcome: Outcome): (string | number)[] {
  const { cases, seen, notSent, foreign, unanswered, misdirected, malformed, seconds } = outcome
  const counts = [cases, seen, notSent + foreign, unanswered, misdirected, malformed.length]
  return [name, ...counts.map(grouped), grouped(cases / seconds)]
}
