/**
 * `npm run prove -- slow`: 500 clients each that are slow on purpose in their heads, bodies and reading, beside good ones: the
 * good ones must not notice, the slow ones must be answered and gone in time, and memory must not grow. With the clocks that
 * are shipped; `slow quick` is a small form with short ones, `--long` has 10,000 idle connections beside.
 */
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import type { AttackKind } from '../support/slow/attack-worker.ts'
import { answersOnce, type Clocks, openIdle, openSlowBed } from '../support/slow/bed.ts'

const shipped: Clocks = { headTimeout: '10s', bodyIdle: '15s', bodyWindow: '30s', takingTimeout: '60s' }
const short: Clocks = { headTimeout: '3s', bodyIdle: '3s', bodyWindow: '4s', takingTimeout: '4s' }
const removed: Clocks = { headTimeout: '1h', bodyIdle: '1h', bodyWindow: '1h', takingTimeout: '1h' }
/** In which the p99 of good requests is taken, without and with the attack; their medians are compared. */
const windows = 3
/** For a shared machine's own delays, ms. */
const slackMs = 2_500
/** What one slow connection may hold in this process. */
const limitEachKiB = 256

/** A form of the proof. Seconds. */
interface Form {
  readonly clocks: Clocks
  /** Connections of each kind of attack. */
  readonly each: number
  readonly idle: number
  /** In which they come: what is measured is being slow, not coming all at once. */
  readonly ramp: number
  readonly window: number
  /** After the windows, until the last one must be gone. */
  readonly rest: number
}

const forms: Readonly<Record<'quick' | 'default' | 'long', Form>> = {
  quick: { clocks: short, each: 50, idle: 200, ramp: 2, window: 2, rest: 6 },
  default: { clocks: shipped, each: 500, idle: 2_000, ramp: 20, window: 20, rest: 35 },
  long: { clocks: shipped, each: 500, idle: 10_000, ramp: 20, window: 60, rest: 35 },
}

export async function prove({ long, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const name = args[0] === 'quick' ? 'quick' : long ? 'long' : 'default'
  const form = forms[name]
  const attacked = await underAttack(form, name !== 'quick')
  const control = await withoutClocks(form.each)

  const faults = [...attacked.faults]
  if (control > 0) faults.push(`with the clocks removed ${control} attackers were closed all the same`)
  for (const fault of faults) console.log(`  ${fault}`)
  const { baseline, attack, ends, eachKiB } = attacked
  const figures = `p99 ${baseline.toFixed(1)} ms alone, ${attack.toFixed(1)} ms beside ${grouped(form.each * 3)} slow and ${grouped(form.idle)} idle connections; ${grouped(ends)} attackers ended in time, each held ${Math.round(eachKiB)} KiB at most; without clocks ${control} of them`
  return { pass: faults.length === 0, figures }
}

type Connections = Readonly<Record<AttackKind, number>>

function connectionsOf(each: number): Connections {
  return { 'slow head': each, 'silent body': each / 2, 'slow body': each / 2, 'slow read': each }
}

async function underAttack({ clocks, each, idle: idleCount, ramp, window, rest }: Form, judged: boolean) {
  await using bed = await openSlowBed(clocks)
  const connections = connectionsOf(each)
  const faults: string[] = []
  const limitMs = longestHeld(clocks)
  const idle = await openIdle(bed.port, idleCount)
  await bed.load(3)
  const rows: (string | number)[][] = []
  const sizes: number[] = []
  const measure = async (what: string, seconds: number): Promise<number> => {
    const { p99, count, failed } = await bed.load(seconds)
    sizes.push(bed.rssMiB())
    rows.push([what, p99.toFixed(2), count, failed, Math.round(bed.rssMiB())])
    if (failed > 0) faults.push(`${what}: ${failed} good requests failed`)
    return p99
  }
  const alone: number[] = []
  for (let at = 1; at <= windows; at++) alone.push(await measure(`alone ${at}`, Math.min(window, 10)))
  const attack = bed.attack(connections, ramp * 1_000)
  await measure('they come', ramp)
  const beside: number[] = []
  for (let at = 1; at <= windows; at++) beside.push(await measure(`beside them ${at}`, window))
  await measure('the last end', rest)
  await attack.stop()
  const all = attack.ends
  printTable(['window', 'p99, ms', 'good', 'failed', 'RSS, MiB'], rows)
  printTable(
    ['attack', 'connections', 'ended', 'longest, ms', 'allowed, ms', 'answered'],
    Object.entries(connections).map(([name, count]) => {
      const kind = name as AttackKind
      const ends = all.filter((end) => end.kind === kind)
      const longest = Math.max(0, ...ends.map(({ heldMs }) => heldMs))
      const told = ends.filter(({ status }) => status === 408).length
      const answered = ends.filter(({ status }) => status >= 400).length
      // All had the time to be ended at least once. 500 slow readers fill what the kernel has for sockets: as one ends, it takes
      // some more of another's bytes, whose clock then begins anew.
      if (ends.length < (kind === 'slow read' ? 0.98 : 1) * count) faults.push(`${kind}: only ${ends.length} ended`)
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
  const held = Math.max(...sizes.slice(windows)) - (sizes[windows - 1] ?? 0)
  const eachKiB = (held * 1024) / (each * 3)
  // What a process takes for itself while it warms up says nothing of a few connections.
  if (judged && eachKiB > limitEachKiB) faults.push(`each slow connection held ${Math.round(eachKiB)} KiB`)
  const [baseline, attacked] = [median(alone), median(beside)]
  // Seconds of a small form say nothing of a percentile.
  if (judged && attacked >= 3 * baseline)
    faults.push(`the p99 of good requests is ${(attacked / baseline).toFixed(1)} times that without an attack`)
  return { faults, baseline, attack: attacked, ends: all.length, eachKiB }
}

/** The negative control: how many attackers were ended although no clock runs. */
async function withoutClocks(each: number): Promise<number> {
  await using bed = await openSlowBed(removed)
  const attack = bed.attack(connectionsOf(each), 3_000)
  await bed.load(longestOfShort)
  await attack.stop()
  // Being refused by a busy gateway is no clock's work.
  return attack.ends.filter(({ status }) => status === 408 || status === 0).length
}

/** Seconds in which the short clocks would have ended them. */
const longestOfShort = 9

function longestHeld(clocks: Clocks): Record<AttackKind, number> {
  const ms = (text: string) => Number.parseInt(text, 10) * 1_000
  return {
    'slow head': ms(clocks.headTimeout) + 1_000 + slackMs,
    'silent body': ms(clocks.bodyIdle) + slackMs,
    'slow body': ms(clocks.bodyWindow) + slackMs,
    // It begins with the last byte that a kernel took, some time after the request; a quarter of it is how sharp it is; and
    // one that does not read learns of its end by its next byte.
    'slow read': ms(clocks.takingTimeout) * 1.5 + 1_000 + slackMs,
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
