/**
 * `npm run prove -- slow`: clients that are slow on purpose, beside good ones: the good ones must not notice, the slow ones must
 * be answered and gone in time, and memory must not grow. `slow quick` is one small round; `--long` has the shipped clocks, 10,000 idle connections and 500 slow
 * readers, for which a kernel keeps 2 GiB.
 */
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import type { AttackEnd, AttackKind } from '../support/slow/attack-worker.ts'
import { answersOnce, type Clocks, openIdle, openSlowBed } from '../support/slow/bed.ts'

const shipped: Clocks = { headTimeout: '10s', bodyIdle: '15s', bodyWindow: '30s', takingTimeout: '60s' }
const short: Clocks = { headTimeout: '3s', bodyIdle: '3s', bodyWindow: '4s', takingTimeout: '4s' }
const removed: Clocks = { headTimeout: '1h', bodyIdle: '1h', bodyWindow: '1h', takingTimeout: '1h' }
const rounds = 3
/** For a shared machine's own delays, ms. */
const slackMs = 2_500
const growthLimitMiB = 64

export async function prove({ long, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const clocks = long ? shipped : short
  const quick = args[0] === 'quick'
  const each = quick ? 50 : 500
  const connections = {
    'slow head': each,
    'silent body': each / 2,
    'slow body': each / 2,
    'slow read': long ? 500 : each / 5,
  }
  const seconds = long ? 100 : 9
  const idleCount = long ? 10_000 : quick ? 200 : 2_000

  const attacked = await underAttack(clocks, connections, seconds, idleCount, quick ? 1 : rounds)
  const control = await withoutClocks(connections, 7)

  const faults = [...attacked.faults]
  if (control > 0) faults.push(`with the clocks removed ${control} attackers were closed all the same`)
  for (const fault of faults) console.log(`  ${fault}`)
  const { baseline, attack, ends } = attacked
  const figures = `p99 ${baseline.toFixed(1)} ms alone, ${attack.toFixed(1)} ms beside ${each * 2 + connections['slow read']} slow and ${grouped(idleCount)} idle connections; ${grouped(ends)} attackers ended in time; without clocks ${control} of them`
  return { pass: faults.length === 0, figures }
}

type Connections = Readonly<Record<AttackKind, number>>

async function underAttack(
  clocks: Clocks,
  connections: Connections,
  seconds: number,
  idleCount: number,
  times: number,
) {
  await using bed = await openSlowBed(clocks)
  const faults: string[] = []
  const limitMs = longestHeld(clocks)
  const idle = await openIdle(bed.port, idleCount)
  await bed.load(2)
  const rows: (string | number)[][] = []
  const alone: number[] = []
  const beside: number[] = []
  const sizes: number[] = []
  const all: AttackEnd[] = []
  for (let round = 1; round <= times; round++) {
    const before = await bed.load(4)
    const attack = bed.attack(connections)
    const during = await bed.load(seconds)
    await attack.stop()
    alone.push(before.p99)
    beside.push(during.p99)
    sizes.push(bed.rssMiB())
    all.push(...attack.ends)
    rows.push([
      round,
      before.p99.toFixed(2),
      during.p99.toFixed(2),
      during.count,
      during.failed,
      attack.ends.length,
      Math.round(bed.rssMiB()),
    ])
    if (before.failed + during.failed > 0)
      faults.push(`round ${round}: ${before.failed + during.failed} good requests failed`)
  }
  printTable(['round', 'p99 alone, ms', 'p99 attacked, ms', 'good', 'failed', 'attackers ended', 'RSS, MiB'], rows)
  printTable(
    ['attack', 'connections', 'ended', 'longest, ms', 'allowed, ms', 'answered'],
    Object.entries(connections).map(([name, count]) => {
      const kind = name as AttackKind
      const ends = all.filter((end) => end.kind === kind)
      const longest = Math.max(0, ...ends.map(({ heldMs }) => heldMs))
      const told = ends.filter(({ status }) => status === 408).length
      const answered = ends.filter(({ status }) => status >= 400).length
      // All of them had the time to be ended at least once a round.
      if (ends.length < count * times) faults.push(`${kind}: only ${ends.length} ended`)
      if (longest > limitMs[kind]) faults.push(`${kind}: one was held ${Math.round(longest)} ms`)
      // An overloaded gateway says 503 to an upload; none is closed without a word.
      if (kind !== 'slow read' && (answered < ends.length || told === 0))
        faults.push(`${kind}: ${ends.length - answered} had no answer, ${told} a 408`)
      return [kind, count, ends.length, Math.round(longest), limitMs[kind], `${told} x 408`]
    }),
  )
  const still = await Promise.all(idle.slice(0, 200).map(answersOnce))
  if (still.some((line) => !line.startsWith('HTTP/1.1 200'))) faults.push('an idle connection was lost')
  for (const socket of idle) socket.destroy()
  const growth = (sizes.at(-1) ?? 0) - (sizes[0] ?? 0)
  if (growth > growthLimitMiB)
    faults.push(`memory grew by ${Math.round(growth)} MiB between the first round and the last`)
  const baseline = median(alone)
  const attack = median(beside)
  // One round on a busy machine says nothing of a percentile; the median of three does.
  if (times >= rounds && attack >= 3 * baseline)
    faults.push(`the p99 of good requests is ${(attack / baseline).toFixed(1)} times that without an attack`)
  return { faults, baseline, attack, ends: all.length }
}

/** The negative control: how many attackers were ended although no clock runs. */
async function withoutClocks(connections: Connections, seconds: number): Promise<number> {
  await using bed = await openSlowBed(removed)
  const attack = bed.attack(connections)
  await bed.load(seconds)
  await attack.stop()
  // Being refused by a busy gateway is no clock's work.
  return attack.ends.filter(({ status }) => status === 408 || status === 0).length
}

function longestHeld(clocks: Clocks): Record<AttackKind, number> {
  const ms = (text: string) => Number.parseInt(text, 10) * 1_000
  return {
    'slow head': ms(clocks.headTimeout) + 1_000 + slackMs,
    'silent body': ms(clocks.bodyIdle) + slackMs,
    'slow body': ms(clocks.bodyWindow) + slackMs,
    // A quarter of it is how sharp it is; and one that does not read learns of its end by its next byte.
    'slow read': ms(clocks.takingTimeout) * 1.25 + 1_000 + slackMs,
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
