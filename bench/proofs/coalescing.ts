/**
 * `npm run prove -- coalescing [--long]`: of 100 clients that ask for the same at once, the service sees one, and nobody waits
 * longer for it; and where an answer is of no use to others, nobody waits for anybody. Beside it nginx and Varnish before
 * the same service, in the same run.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { BenchOptions } from '../command.ts'
import { percentile } from '../plot.ts'
import { plotDots } from '../plot-dots.ts'
import { printTable } from '../print.ts'
import { type Burst, Crowd } from '../support/coalescing/crowd.ts'
import {
  type Front,
  nginxPlain,
  nginxWithLock,
  tidegate,
  varnishPlain,
  varnishStrict,
} from '../support/coalescing/fronts.ts'
import { bodyOf, type SlowOrigin, startSlowOrigin } from '../support/coalescing/slow-origin.ts'

const clients = 100
const thinkMs = 300
/** Until an answer with `max-age=2` is stale everywhere, also where whole seconds are counted. */
const expiryMs = 3_200
const refreshMs = 100

/** What is asked for in each round, and what we promise of it. */
const cases = [
  { name: 'new key, max-age', kind: 'fresh', primed: false, requests: 1, p50Ms: 330 },
  { name: 'expired, SWR', kind: 'swr', primed: true, requests: 1, p50Ms: 20 },
  { name: 'expired, ETag', kind: 'etag', primed: true, requests: 1, p50Ms: 330 },
  { name: 'no-store, first time', kind: 'never', primed: false, requests: clients, p50Ms: 660 },
  { name: 'no-store, known', kind: 'never', primed: false, requests: clients, p50Ms: 330 },
] as const
type Case = (typeof cases)[number]

interface Result {
  readonly one: Case
  /** Requests that reached the service: the worst round. */
  readonly requests: number
  /** The median of the clients in the round that the rest of the machine disturbed least, ms. */
  readonly p50Ms: number
  readonly wrong: number
  /** Answered before the service could have: stale. */
  readonly early: number
}

interface Seen {
  readonly front: string
  readonly results: readonly Result[]
}

interface CountedBurst extends Burst {
  /** Requests that reached the service. */
  readonly requests: number
}

interface Contender {
  readonly name: string
  readonly port: number
  readonly crowd: Crowd
  readonly seen: ReadonlyMap<Case, CountedBurst[]>
}

export interface CoalescingOptions {
  readonly rounds: number
  /** The others to compare with; the first one is the negative control. */
  readonly rivals: readonly Front[]
  /** What the times may be above the goal: 1 = as promised, more where others use the same cores. */
  readonly patience: number
  /** Where the drawing goes. */
  readonly draw?: URL
}

export function prove({ long }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  return proveCoalescing({
    rounds: long ? 15 : 5,
    rivals: [nginxPlain, nginxWithLock, varnishPlain, varnishStrict],
    patience: 1,
    draw: new URL('../results/coalescing.svg', import.meta.url),
  })
}

export async function proveCoalescing(options: CoalescingOptions): Promise<{ pass: boolean; figures: string }> {
  const { rounds, rivals, patience, draw } = options
  await using origin = await startSlowOrigin(thinkMs)
  const all = await measure([tidegate(rounds + 1), ...rivals], origin, rounds)

  console.log(`${clients} clients at once; the service answers after ${thinkMs} ms; ${rounds} rounds.`)
  console.log('Requests that the service saw in the worst round / median of the clients in the calmest one, ms.\n')
  printTable(
    ['', ...cases.map(({ name }) => name)],
    [
      ...all.map(({ front, results }) => [front, ...results.map(cell)]),
      ['goal', ...cases.map(({ requests, p50Ms }) => `${requests} / ${p50Ms}`)],
    ],
  )
  console.log('stale: answered before the service could say that it is still good, without its permission.\n')
  if (draw !== undefined) await drawn(draw, all, rounds)

  const [ours, control] = all
  const misses = (ours?.results ?? []).filter((result) => !isMet(result, patience))
  const controlMisses = (control?.results ?? []).filter((result) => !isMet(result, patience))
  for (const { one } of misses) console.log(`${ours?.front} misses the goal of: ${one.name}`)
  console.log(`negative control, ${control?.front}: misses ${controlMisses.length} of ${cases.length} goals`)
  const figures = `${ours?.results.map(cell).join(', ')}; goals missed ${misses.length}; control missed ${controlMisses.length}`
  return { pass: misses.length === 0 && controlMisses.length > 0, figures }
}

/** All at once in turn, round by round: whatever else this machine does meets all of them alike. */
async function measure(fronts: readonly Front[], origin: SlowOrigin, rounds: number): Promise<Seen[]> {
  await using stack = new AsyncDisposableStack()
  const contenders: Contender[] = []
  for (const front of fronts) {
    const { port } = stack.use(await front.start(origin.port))
    const crowd = stack.use(await Crowd.open(port, clients))
    await warmUp(crowd, rounds)
    contenders.push({ name: front.name, port, crowd, seen: new Map(cases.map((one) => [one, []])) })
  }
  for (let round = 0; round < rounds; round++) {
    // A route for each round: what was learned of the one before must not help.
    const pathOf = ({ name }: Contender, { kind }: Case) => `/${kind}${round}/${name.replace(/\W+/g, '-')}`
    const primed = cases.filter((one) => one.primed)
    await Promise.all(
      contenders.flatMap((contender) => primed.map((one) => prime(contender.port, pathOf(contender, one)))),
    )
    await pause(expiryMs)
    for (const one of cases) {
      for (const contender of contenders) {
        const path = pathOf(contender, one)
        const before = origin.count(path)
        const burst = await contender.crowd.burst(path, bodyOf(path))
        // A refresh behind the back of the clients belongs to the burst, also one that has yet to reach the service.
        await pause(refreshMs)
        await origin.idle()
        contender.seen.get(one)?.push({ ...burst, requests: origin.count(path) - before })
      }
    }
  }
  return contenders.map(({ name, seen }) => ({
    front: name,
    results: cases.map((one) => resultOf(one, seen.get(one) ?? [])),
  }))
}

/** What is hot is compiled, and connections to the service are open: the bursts that follow measure waiting alone. */
async function warmUp(crowd: Crowd, last: number): Promise<void> {
  for (const [kind, times] of [
    ['never', 4],
    ['fresh', 20],
    ['swr', 20],
  ] as const) {
    const path = `/${kind}${last}/warm-up`
    for (let time = 0; time < times; time++) await crowd.burst(path, bodyOf(path))
  }
}

/** On a connection of its own: two of the crowd's answers must not meet on one. */
async function prime(port: number, path: string): Promise<void> {
  using client = await Crowd.open(port, 1)
  await client.one(path, bodyOf(path))
}

function resultOf(one: Case, bursts: readonly CountedBurst[]): Result {
  const total = (count: (burst: Burst) => number) => bursts.reduce((sum, burst) => sum + count(burst), 0)
  return {
    one,
    requests: worst(
      bursts.map(({ requests }) => requests),
      one.requests,
    ),
    p50Ms: Math.min(...bursts.map(({ sortedMs }) => percentile(sortedMs, 0.5))),
    wrong: total(({ wrong }) => wrong),
    early: total(({ sortedMs }) => sortedMs.filter((ms) => ms < thinkMs * 0.9).length),
  }
}

/** The count that is farthest from what it should be. */
function worst(counts: readonly number[], goal: number): number {
  return counts.reduce((far, count) => (Math.abs(count - goal) > Math.abs(far - goal) ? count : far), counts[0] ?? 0)
}

function isMet({ one, requests, p50Ms, wrong, early }: Result, patience: number): boolean {
  // Whoever had to wait for the service took longer than it thinks, whatever else this machine does.
  const patientMs = patience > 1 ? thinkMs - 50 : 0
  const inTime = p50Ms <= Math.max(one.p50Ms * patience, patientMs)
  return requests === one.requests && inTime && wrong === 0 && (one.kind === 'swr' || early === 0)
}

function cell({ one, requests, p50Ms, wrong, early }: Result): string {
  const stale = one.kind === 'swr' || early === 0 ? '' : ' stale'
  return `${requests} / ${Math.round(p50Ms)}${stale}${wrong === 0 ? '' : ` (${wrong} wrong)`}`
}

async function drawn(file: URL, all: readonly Seen[], rounds: number): Promise<void> {
  const rows = cases.map(({ name, p50Ms }, at) => ({
    name,
    goalMs: p50Ms,
    dots: all.flatMap(({ front, results }) => {
      const result = results[at]
      return result === undefined ? [] : [{ name: front, ms: result.p50Ms, text: cell(result) }]
    }),
  }))
  const machine = `${cpus().length} cores shared by all, Node ${process.versions.node}`
  const note = `requests that the service saw / median ms; it answers after ${thinkMs} ms; ${rounds} rounds; ${machine}`
  await mkdir(new URL('.', file), { recursive: true })
  await writeFile(file, plotDots(rows, { title: `${clients} clients ask for the same at once`, note }))
  console.log('drawn: bench/results/coalescing.svg')
}
