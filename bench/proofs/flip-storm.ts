/**
 * `npm run prove -- flip-storm [--long]`: a whole system, and every 2 s (5 s for 10 minutes) a flip or a rollback under an
 * open loop of GET and POST, event streams and WebSockets. An audit that reads only what clients and services wrote down
 * says whether anybody noticed.
 */
import autocannon from 'autocannon'
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { carelessly, withStaleEdge } from '../support/flip-storm/controls.ts'
import { type StormOptions, type StormResult, storm } from '../support/flip-storm/storm.ts'
import type { ChangeFigures } from '../support/flip-storm/storm-audit.ts'
import { openStormBed, type StormBed } from '../support/flip-storm/storm-bed.ts'

const goalPerSecond = 2_000
/** Of what the system takes: above it, one would measure a queue. */
const loadShare = 0.45
const controlPerSecond = 300
/** Long enough that even careless balancers learn of each change. */
const carelessEveryMs = 1_500

export interface FlipStormOptions extends Omit<StormOptions, 'run' | 'perSecond'> {
  /** Absent: the goal, or what this machine bears. */
  readonly perSecond?: number
  readonly controlChanges: number
  readonly users: number
}

/** `rate=N` sends N a second, whatever the machine bears. */
export function prove({ long, seed, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const [everyMs, changes] = long ? [5_000, 120] : [2_000, 10]
  const rate = Number(args.find((argument) => argument.startsWith('rate='))?.slice('rate='.length))
  const clients = { streams: 20, sockets: 20, users: 200, ...(rate > 0 && { perSecond: rate }) }
  return proveFlipStorm({ ...clients, seed, everyMs, changes, controlChanges: 5 })
}

export async function proveFlipStorm(options: FlipStormOptions): Promise<{ pass: boolean; figures: string }> {
  await using bed = await openStormBed(options.seed, options.users)
  const perSecond = options.perSecond ?? (await bearable(bed))
  const result = await storm(bed, { ...options, run: `storm-${options.seed}`, perSecond })
  tellChanges(result.changes)

  const { everyMs, controlChanges } = options
  const control = { ...options, changes: controlChanges, perSecond: Math.min(perSecond, controlPerSecond) }
  const stale = await withStaleEdge(bed, {
    ...control,
    everyMs: Math.min(everyMs, 2_000),
    run: `stale-${options.seed}`,
  })
  const careless = await carelessly(bed, {
    ...control,
    everyMs: carelessEveryMs,
    run: `careless-${options.seed}`,
  })
  printTable(
    ['', 'GET', 'POST', 'SSE', 'WebSocket', 'errors', 'lost', 'doubled', 'misplaced', 'bounced', 'forwarded'],
    [
      row(`${result.changes.length} flips and rollbacks`, result),
      row('an edge that learns of nothing', stale),
      row('control: careless balancers', careless),
    ],
  )
  for (const text of harmsOf(result).concat(harmsOf(stale)).slice(0, 10)) console.log(text)

  const { counts, writes } = result
  const found = careless.writes.doubled.length > 0 && careless.misplaced.length > 0 && careless.bounced.length > 0
  const late = result.sentShare < 0.9
  if (late) console.log(`the loader sent only ${Math.round(100 * result.sentShare)} % of what it had planned`)
  const requests = Object.values(counts).reduce((sum, count) => sum + count, 0)
  return {
    pass:
      harmsOf(result).length === 0 &&
      Object.values(counts).every((count) => count > 0) &&
      !late &&
      harmsOf(stale).length === 0 &&
      stale.forwarded > 0 &&
      found,
    figures:
      `${result.changes.length} flips and rollbacks, one every ${everyMs / 1_000} s, at ${grouped(perSecond)} requests/s ` +
      `(goal ${grouped(goalPerSecond)}): ${grouped(requests)} requests, ${result.errors.length} errors; ` +
      `${grouped(writes.acknowledged)} writes, ${writes.doubled.length} doubled, ${writes.lost.length} lost; ` +
      `${result.bounced.length} users bounced inside an epoch; writes of both sites overlap by at most ` +
      `${Math.max(0, ...result.changes.map(({ overlapMs }) => overlapMs))} ms; ` +
      `a frozen edge: ${harmsOf(stale).length} harms, ${grouped(stale.forwarded)} forwarded; ` +
      `control: ${careless.writes.doubled.length} doubled, ${careless.misplaced.length} misplaced, ` +
      `${careless.bounced.length} bounced; seed ${options.seed}`,
  }
}

/** What users or data would suffer from. A write that the client was not told of is one whose answer was an error. */
function harmsOf({ errors, writes, bounced, misplaced }: StormResult): string[] {
  return [
    ...errors,
    ...writes.lost.map((id) => `lost: ${id}`),
    ...writes.doubled.map((id) => `doubled: ${id}`),
    ...writes.elsewhere.map((id) => `executed elsewhere than told: ${id}`),
    ...misplaced.map((text) => `misplaced: ${text}`),
    ...bounced.map((text) => `bounced: ${text}`),
  ]
}

function row(name: string, { counts, errors, writes, misplaced, bounced, forwarded }: StormResult) {
  const harms = [errors.length, writes.lost.length, writes.doubled.length, misplaced.length, bounced.length]
  const { GET, POST, SSE, WebSocket } = counts
  return [name, ...[GET, POST, SSE, WebSocket].map(grouped), ...harms, grouped(forwarded)]
}

function tellChanges(changes: readonly ChangeFigures[]): void {
  const shown = changes.length > 12 ? [...changes].sort((a, b) => b.overlapMs - a.overlapMs).slice(0, 12) : changes
  printTable(
    ['change', 'epoch', 'held by both gateways, ms', 'writes of both sites overlap, ms', 'users who wavered'],
    shown.map(({ name, epoch, tookMs, overlapMs, wavered }) => [name, epoch, Math.round(tookMs), overlapMs, wavered]),
  )
  console.log(
    'Doubled is a write that was executed twice. Until writes are handed off from one site to the other, both may execute\n' +
      'different ones for the moment in which not every gateway holds the new epoch: that is the overlap, and told.\n',
  )
}

/** The goal, or less than half of what the whole system takes beside its loader. */
async function bearable({ system: { demo }, users }: StormBed): Promise<number> {
  const { token = '', device = '' } = users[0] ?? {}
  const ended = Promise.withResolvers<autocannon.Result>()
  const headers = { authorization: `Bearer ${token}`, 'x-device-id': device }
  autocannon(
    { url: `${demo.edge}/v1/storm/items/1`, connections: 32, duration: 3, headers },
    (cause: unknown, result) => (cause ? ended.reject(cause) : ended.resolve(result)),
  )
  const { requests, duration } = await ended.promise
  const most = requests.total / duration
  const perSecond = Math.min(goalPerSecond, Math.max(100, Math.floor((most * loadShare) / 100) * 100))
  console.log(
    `the system takes ${grouped(most)} requests/s here; goal ${grouped(goalPerSecond)}, sent: ${grouped(perSecond)}\n`,
  )
  return perSecond
}
