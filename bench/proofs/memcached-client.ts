/**
 * `npm run prove -- memcached-client [--long] [--seed N]`: our client of memcached beside memjs, in one process and against the
 * same server: how much it does, that both read what the other wrote, and what a frozen server, a cut answer and a clean
 * close do to whoever waits.
 */
import { startMemcached } from '../../test/support/servers.ts'
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { disagreements } from '../support/memcached-client/agreement.ts'
import { type OpenClient, openCareless, openMemjs, openOurs } from '../support/memcached-client/bench-clients.ts'
import { afterClose, afterCut, whileFrozen } from '../support/memcached-client/faults.ts'
import { type Load, load } from '../support/memcached-client/load.ts'

const goal = { perSecond: 200_000, timesMemjs: 3, frozenMs: 150, closeMs: 500 }

export interface MemcachedClientOptions {
  readonly seed: number
  /** For each cell of the table, ms. */
  readonly loadMs: number
  readonly concurrencies: readonly number[]
  readonly operations: number
  readonly frozenMs: number
  /** Asked after a cut answer. */
  readonly gets: number
  /** What the times may be above the goal: more than 1 where others use the same cores. */
  readonly patience: number
}

export function prove({ long, seed }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  return proveMemcachedClient({
    seed,
    loadMs: long ? 10_000 : 2_000,
    concurrencies: [1, 32, 256],
    operations: long ? 200_000 : 20_000,
    frozenMs: 5_000,
    gets: 50,
    patience: 1,
  })
}

export async function proveMemcachedClient(options: MemcachedClientOptions) {
  const faults: string[] = []
  const { ours, memjs, wrong } = await measure(options)
  if (wrong > 0) faults.push(`${wrong} wrong answers under load`)
  const times = ours.perSecond / memjs.perSecond
  if (ours.perSecond < goal.perSecond && times < goal.timesMemjs) faults.push('too slow')

  const agreed = await agree(options)
  if (agreed.wrong > 0) faults.push(`${agreed.wrong} of ${options.operations} answers differ`)

  const control = await suffer(options, faults)
  if (!control) faults.push('the control was not caught')
  for (const fault of faults) console.log(`missed: ${fault}`)
  const figures = `${grouped(ours.perSecond)} operations/s at ${options.concurrencies.at(-1)} at once, ${times.toFixed(1)} x memjs; ${grouped(agreed.sets + agreed.gets + agreed.deletes)} operations agree; faults missed ${faults.length}; control caught: ${control}`
  return { pass: faults.length === 0, figures }
}

/** The two in turn for each cell, so that whatever else the machine does meets both. */
async function measure({ concurrencies, loadMs, seed }: MemcachedClientOptions) {
  await using memcached = await startMemcached(['-m', '256'])
  const clients = [await openOurs(memcached.port, 5_000), await openMemjs(memcached.port, 5_000)]
  const rows: (string | number)[][] = []
  const last: Load[] = []
  let wrong = 0
  for (const valueBytes of [8_000, 200]) {
    for (const concurrency of concurrencies) {
      for (const [at, client] of clients.entries()) {
        const result = await load(client, { concurrency, valueBytes, ms: loadMs, seed })
        if (at === 0) wrong += result.wrong
        last[at] = result
        const ms = [result.p50Ms, result.p99Ms, result.p999Ms].map((each) => each.toFixed(2))
        const cpu = result.cpuPerOperation.toFixed(2)
        rows.push([client.name, valueBytes, concurrency, grouped(result.perSecond), ...ms, cpu, result.wrong])
      }
    }
  }
  for (const client of clients) client.close()
  console.log('90 % get, 10 % set, one process, one server on the same machine.\n')
  printTable(['', 'bytes', 'at once', 'operations/s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'CPU us', 'wrong'], rows)
  const [ours, memjs] = last
  return { ours: ours as Load, memjs: memjs as Load, wrong }
}

async function agree({ operations, seed }: MemcachedClientOptions) {
  await using memcached = await startMemcached()
  const clients = [await openOurs(memcached.port, 5_000), await openMemjs(memcached.port, 5_000)]
  const counts = await disagreements(clients, operations, seed)
  for (const client of clients) client.close()
  const { sets, gets: read, deletes, wrong } = counts
  console.log(`Each reads what the other wrote: ${sets} sets, ${read} gets, ${deletes} deletes, ${wrong} wrong.\n`)
  return counts
}

/** Whether the negative control was caught; what ours missed goes into `missed`. */
async function suffer({ frozenMs, gets, patience }: MemcachedClientOptions, missed: string[]): Promise<boolean> {
  const rows: string[][] = []
  let caught = false
  const contenders: (readonly [string, OpenClient])[] = [
    ['Tidegate', openOurs],
    ['memjs 1.3.2', openMemjs],
    ['control: deadline of the socket', openCareless],
  ]
  for (const [name, open] of contenders) {
    const frozen = await whileFrozen(open, frozenMs)
    const isFast = frozen.ended === frozen.asked && frozen.longestMs <= goal.frozenMs * patience
    const cell = `${frozen.ended} of ${frozen.asked}, longest ${grouped(frozen.longestMs)} ms`
    if (open === openCareless) {
      caught = !isFast
      rows.push([name, cell, '', ''])
      continue
    }
    const right = await afterCut(open, gets)
    const closeMs = await afterClose(open)
    rows.push([name, cell, `${right} of ${gets}`, closeMs >= 3_000 ? 'hangs' : `${closeMs.toFixed(1)} ms`])
    if (open !== openOurs) continue
    if (!isFast) missed.push('frozen server')
    if (right < gets - 1) missed.push('cut answer')
    if (closeMs > goal.closeMs * patience) missed.push('clean close')
  }
  console.log('Frozen: gets that end in time, of those asked each 20 ms with a deadline of 100 ms.')
  console.log('Cut: right answers of the next ones after an answer was cut. Closed: until a get under way is told.\n')
  printTable(['', `frozen ${frozenMs / 1000} s`, 'cut', 'closed'], rows)
  return caught
}
