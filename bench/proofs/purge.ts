/** `npm run prove -- purge`: a tag of 10,000 answers is purged at one process, and no process of either site serves them any more. */
import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'
import type { CacheInvalidated } from '#routes/gateway-answers.ts'
import { type Random, seededRandom } from '#server-kit/random.ts'
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { nowMs } from '../support/open-loop.ts'
import { openTwoSites, type TwoSites, type TwoSitesOptions } from '../support/purge/two-sites.ts'
import { ask, Watcher } from '../support/purge/watcher.ts'

/** After so long a process that still serves what is old is taken for one that goes on. */
const patienceMs = 1_500
const quietMs = 40
/** Items that every process is asked for during a purge. */
const probes = ['/v1/items/bulk/0', '/v1/items/bulk/1', '/v1/items/bulk/2']
const survivors = 50
const fewTagged = 10
/** Commands of a purge may differ by so many: a pool looks at its nodes now and then. */
const commandNoise = 4

interface Plan {
  readonly entries: number
  readonly purges: number
  /** Each so-manieth purge hits all entries anew; the others those that were fetched since. */
  readonly refillEvery: number
  readonly random: Random
}

interface Run {
  readonly oldUntilMs: readonly number[]
  readonly answerMs: readonly number[]
  /** Purges after which some process never stopped. */
  readonly endless: number
  readonly lostSurvivors: number
  readonly failed: number
  readonly commands?: { readonly few: number; readonly all: number }
}

export async function prove({ long, seed, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const given = (name: string) => args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1)
  const entries = Number(given('entries') ?? 10_000)
  const purges = Number(given('purges') ?? (long ? 1_000 : 100))
  const refillEvery = Number(given('refill') ?? (long ? 10 : 50))
  // Of p99, ms; a test on a machine that does a hundred other things gives more.
  const limitMs = Number(given('limit') ?? 100)
  const plan = { entries, purges, refillEvery, random: seededRandom(seed) }
  const variants = (given('variants') ?? 'zones,memory').split(',')
  const runs = new Map<string, Run>()
  for (const variant of variants)
    runs.set(variant, await runOne({ memory: variant === 'memory', ship: true }, { ...plan, counted: true }))
  const control = await runOne(
    { memory: true, ship: false, processes: 1 },
    { ...plan, entries: 100, purges: Math.min(3, Math.ceil(purges / 10)), counted: false },
  )

  const row = (name: string, run: Run) => [
    name,
    run.oldUntilMs.length,
    percentile(run.answerMs, 50).toFixed(1),
    percentile(run.oldUntilMs, 50).toFixed(1),
    percentile(run.oldUntilMs, 99).toFixed(1),
    Math.max(...run.oldUntilMs).toFixed(1),
    run.endless,
    run.lostSurvivors,
    run.commands === undefined ? '-' : `${run.commands.few} / ${run.commands.all}`,
  ]
  printTable(
    [
      '',
      'purges',
      'answered p50',
      'old until p50',
      'p99',
      'most, ms',
      'endless',
      'others lost',
      `commands ${fewTagged} / ${entries}`,
    ],
    [
      ...[...runs].map(([name, run]) => row(name === 'memory' ? 'memory of processes on' : 'zones alone', run)),
      row('control: nothing is shipped', control),
    ],
  )
  const whole = [...runs.values()]
  const good = whole.every(
    ({ oldUntilMs, endless, lostSurvivors, failed, commands }) =>
      percentile(oldUntilMs, 99) < limitMs &&
      endless + lostSurvivors + failed === 0 &&
      commands !== undefined &&
      Math.abs(commands.all - commands.few) <= commandNoise,
  )
  const slowest = Math.max(...whole.map(({ oldUntilMs }) => percentile(oldUntilMs, 99)))
  const told = whole.map(({ commands }) => `${commands?.few} and ${commands?.all}`).join('; ')
  const figures =
    `${whole.reduce((sum, { oldUntilMs }) => sum + oldUntilMs.length, 0)} purges of ${grouped(entries)} entries, ` +
    `seen by 4 processes of 2 sites in p99 ${slowest.toFixed(1)} ms (limit ${limitMs}); store commands with ${fewTagged} and ` +
    `${grouped(entries)} entries: ${told}; control: ${control.endless} of ${control.oldUntilMs.length} never seen`
  return { pass: good && control.endless > 0, figures }
}

async function runOne(sites: TwoSitesOptions, plan: Plan & { readonly counted: boolean }): Promise<Run> {
  await using two = await openTwoSites(sites)
  const pools = two.processes.map(({ gateway }) => new Pool(gateway.public, { connections: 32 }))
  try {
    const keep = (tag: string, count: number) => fill(two, pools, tag, count)
    await keepEverywhere(two, pools)
    await keep('bulk', plan.entries)
    const commands = plan.counted ? await countCommands(two, keep, plan.entries) : undefined
    const run = await purgeOften(two, keep, plan)
    return { ...run, lostSurvivors: await survey(two, pools, isGone), ...(commands === undefined ? {} : { commands }) }
  } finally {
    await Promise.all(pools.map((pool) => pool.close()))
  }
}

async function purgeOften(two: TwoSites, keep: Keep, { entries, purges, refillEvery, random }: Plan) {
  const oldUntilMs: number[] = []
  const answerMs: number[] = []
  let endless = 0
  let failed = 0
  const watchers = two.processes.map((process) => new Watcher(process, probes))
  try {
    for (let round = 0; round < purges; round++) {
      if (round % refillEvery === 0) await keep('bulk', entries)
      const by = two.processes[Math.floor(random.next() * two.processes.length)]
      if (by === undefined) break
      two.version++
      for (const watcher of watchers) watcher.expect(two.version)
      const sentMs = nowMs()
      await purge(by.gateway, ['bulk'])
      answerMs.push(nowMs() - sentMs)
      const isSettled = () => watchers.every((watcher) => watcher.settled(quietMs))
      while (!isSettled() && nowMs() - sentMs < patienceMs) await wait(2)
      if (!isSettled()) endless++
      oldUntilMs.push(Math.max(...watchers.map((watcher) => watcher.oldUntilMs)))
    }
    failed = watchers.reduce((sum, watcher) => sum + watcher.failed, 0)
  } finally {
    await Promise.all(watchers.map((watcher) => watcher[Symbol.asyncDispose]()))
  }
  return { oldUntilMs, answerMs, endless, failed }
}

type Keep = (tag: string, count: number) => Promise<void>

/** Asks for each item at one site; the other gets what was stored by the double-write, and each process is asked a little. */
async function fill(two: TwoSites, pools: readonly Pool[], tag: string, count: number): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let id = next++; id < count; id = next++) {
      const at = id % 2
      await ask(pools[at] as Pool, `/v1/items/${tag}/${id}`, two.processes[at]?.device ?? '')
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  for (const [at, { device }] of two.processes.entries())
    for (const id of [0, 1, 2]) await ask(pools[at] as Pool, `/v1/items/${tag}/${id}`, device)
}

async function purge(
  gateway: TwoSites['processes'][number]['gateway'],
  tags: readonly string[],
  again = 3,
): Promise<CacheInvalidated> {
  const answer = await gateway.ask('/cache/v1/http-items:invalidate', {
    method: 'POST',
    body: JSON.stringify({ tags }),
  })
  if (answer.ok) return (await answer.json()) as CacheInvalidated
  const told = await answer.text()
  // As it says itself: sent again, it does no harm.
  if (answer.status === 503 && again > 0) return purge(gateway, tags, again - 1)
  throw new Error(`the purge answered ${answer.status}: ${told}`)
}

/** What the zones execute for a purge of ten entries and for one of all, by the median of three. */
async function countCommands(two: TwoSites, keep: Keep, entries: number): Promise<{ few: number; all: number }> {
  const [first] = two.processes
  const counts: Record<'few' | 'bulk', number[]> = { few: [], bulk: [] }
  for (let time = 0; time < 3; time++) {
    await keep('few', fewTagged)
    if (time === 0) await keep('bulk', entries)
    for (const tag of ['few', 'bulk'] as const) {
      // What was stored is still on its way to the other site.
      await quiet(two)
      const before = await two.commands()
      if (first !== undefined) await purge(first.gateway, [tag])
      counts[tag].push((await quiet(two)) - before)
    }
  }
  return { few: percentile(counts.few, 50), all: percentile(counts.bulk, 50) }
}

/** How many commands there were when there were no more. */
async function quiet(two: TwoSites): Promise<number> {
  for (let before = -1; ; ) {
    const now = await two.commands()
    // Each look is no command that is counted.
    if (now === before) return now
    before = now
    await wait(150)
  }
}

/** Entries of another tag, asked for until every process finds all of them in its zones. */
async function keepEverywhere(two: TwoSites, pools: readonly Pool[]): Promise<void> {
  const untilMs = nowMs() + 30_000
  while ((await survey(two, pools, (cache) => !cache.includes('; hit'))) > 0)
    if (nowMs() > untilMs) throw new Error('the zones of some process do not keep what they are given')
}

/** How often those are answered in a way that `counts`. */
async function survey(two: TwoSites, pools: readonly Pool[], counts: (cache: string) => boolean): Promise<number> {
  let count = 0
  for (const [at, { device }] of two.processes.entries()) {
    for (let id = 0; id < survivors; id++) {
      const { cache } = await ask(pools[at] as Pool, `/v1/items/survivor/${id}`, device)
      if (counts(cache)) count++
    }
  }
  return count
}

/** A zone that was late on a busy machine lost nothing by a purge: it says why it has nothing. */
const isGone = (cache: string): boolean => /detail=(?:invalidated|tag-missing)/.test(cache)

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0
}
