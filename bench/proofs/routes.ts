/**
 * The trie names the same route as the slow oracle, fast enough for every request, from a table small enough to ship.
 * Sets: the paths of a real API, and 500 services x 20 patterns from the seed.
 */
import { fork } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'
import { encodeStructure } from '#routes/structure-codec.ts'
import type { BenchOptions } from '../command.ts'
import { duration, grouped, printTable } from '../print.ts'
import { routersOf, timed } from '../rivals/routers.ts'
import { routeSet, type SetName, structureOf } from '../support/route-sets.ts'
import type { Agreement, AgreementTask } from '../support/routes-agreement.ts'

const limits = { ofFindMyWay: 0.35, readyMs: 30, gzipBytes: 45 * 1024 } as const
const workers = 2

/** `targets=N` asks N; `agreement` asks and times nothing, for machines that are busy with other tests. */
export async function prove({ long, seed, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const asked = args.find((argument) => argument.startsWith('targets='))
  const targets = asked === undefined ? (long ? 4_000_000 : 1_000_000) : Number(asked.slice('targets='.length))

  if (args.includes('agreement')) {
    const agreements = await compareWithOracle(targets, seed)
    return { pass: agrees(agreements), figures: `${agreementFigures(agreements)}; seed ${seed}` }
  }

  // Times first: the machine is quiet then, and each shape of code still has its first feedback.
  const ready = await lowestReady(seed)
  const shipped = gzipSync(encodeStructure(structureOf(routeSet('large', seed))), { level: 9 }).length
  const speed = await compareSpeed(seed)
  const agreements = await compareWithOracle(targets, seed)

  printTable(
    ['from shipped form to ready, 10,000 patterns', 'gzip bytes', 'lowest CPU ms', 'median'],
    [['flat trie, whole structure decoded', grouped(shipped), ready.lowest.toFixed(1), ready.median.toFixed(1)]],
  )
  return {
    pass:
      agrees(agreements) &&
      speed.ratio <= limits.ofFindMyWay &&
      ready.lowest <= limits.readyMs &&
      shipped <= limits.gzipBytes,
    figures:
      `${agreementFigures(agreements)}; ` +
      `hit ${duration(speed.hit)}, ${speed.ratio.toFixed(2)} x find-my-way, miss ${duration(speed.miss)}; ` +
      `ready in ${ready.lowest.toFixed(1)} ms CPU; ${(shipped / 1024).toFixed(1)} KB gzip; seed ${seed}`,
  }
}

/** Equal everywhere, and the questions could tell: the control without backtracking was found out on each set. */
function agrees(agreements: readonly Agreement[]): boolean {
  return agreements.every((agreement) => agreement.differences.length === 0 && agreement.controlDifferences > 0)
}

function agreementFigures(agreements: readonly Agreement[]): string {
  const asked = agreements.reduce((sum, agreement) => sum + agreement.asked, 0)
  const wrong = agreements.reduce((sum, agreement) => sum + agreement.differences.length, 0)
  const control = agreements.map(({ controlDifferences }) => grouped(controlDifferences)).join(' and ')
  return `${grouped(asked)} targets, ${wrong} differ from the oracle (control: without backtracking ${control})`
}

/** Half of the targets to each set, shared out to both cores. */
async function compareWithOracle(targets: number, seed: number): Promise<Agreement[]> {
  const shares = [
    { set: 'real', targets: Math.round(targets / 2) },
    { set: 'large', targets: Math.round(targets / 2) },
  ] as const
  const agreements: Agreement[] = []
  for (const { set, targets: share } of shares) {
    const parts = await Promise.all(
      Array.from({ length: workers }, (_, worker) =>
        inWorker<AgreementTask, Agreement>('routes-agreement.ts', {
          set,
          seed,
          questionSeed: seed * 1000 + worker,
          targets: Math.ceil(share / workers),
        }),
      ),
    )
    agreements.push(parts.reduce(sumOf))
  }
  printTable(
    ['trie against oracle', 'patterns', 'targets', 'hits', 'unsafe', 'differences', 'control: no backtracking'],
    agreements.map(({ set, asked, hits, unsafe, differences, controlAsked, controlDifferences }) => [
      set,
      grouped(routeSet(set, seed).length),
      grouped(asked),
      grouped(hits),
      grouped(unsafe),
      differences.length,
      `${grouped(controlDifferences)} of ${grouped(controlAsked)}`,
    ]),
  )
  for (const difference of agreements.flatMap(({ differences }) => differences).slice(0, 10)) console.log(difference)
  return agreements
}

function sumOf(a: Agreement, b: Agreement): Agreement {
  return {
    set: a.set,
    asked: a.asked + b.asked,
    hits: a.hits + b.hits,
    unsafe: a.unsafe + b.unsafe,
    differences: [...a.differences, ...b.differences],
    controlAsked: a.controlAsked + b.controlAsked,
    controlDifferences: a.controlDifferences + b.controlDifferences,
  }
}

/** Nanoseconds a look-up, lowest of interleaved rounds; the ratio is of the larger set. */
async function compareSpeed(seed: number): Promise<{ hit: number; miss: number; ratio: number }> {
  const rows: string[][] = []
  let result = { hit: 0, miss: 0, ratio: Number.POSITIVE_INFINITY }
  for (const set of ['real', 'large'] satisfies SetName[]) {
    const figures = await timed(routersOf(set, seed))
    for (const { name, hit, miss, wrong, lookups } of figures) {
      rows.push([`${name}, ${set}`, duration(hit), duration(miss), grouped(lookups), String(wrong)])
    }
    const [ours, rival] = [figures[0], figures.find(({ name }) => name === 'find-my-way')]
    if (ours !== undefined && rival !== undefined)
      result = { hit: ours.hit, miss: ours.miss, ratio: ours.hit / rival.hit }
  }
  printTable(['router, set', 'hit', 'miss', 'look-ups a round', 'wrong'], rows)
  return result
}

/** Each start in a new process: code as cold as it is when a gateway begins. */
async function lowestReady(seed: number): Promise<{ lowest: number; median: number }> {
  const body = encodeStructure(structureOf(routeSet('large', seed)))
  const samples: number[] = []
  for (let round = 0; round < 9; round++) samples.push(await readyMs(body))
  samples.sort((a, b) => a - b)
  return { lowest: samples[0] as number, median: samples[samples.length >> 1] as number }
}

function readyMs(body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('../support/routes-ready.ts', import.meta.url))
    child.once('message', (ms) => resolve(Number(ms)))
    child.once('error', reject)
    // Ended without an answer: a start that takes for ever.
    child.once('exit', () => resolve(Number.MAX_VALUE))
    child.send(body)
  })
}

function inWorker<Task, Answer>(file: string, task: Task): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(`../support/${file}`, import.meta.url), { workerData: task })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}
