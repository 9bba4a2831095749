/** `npm run prove -- reload`: tables of 5,000 routes and configurations change under load, and no client notices. */
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { megabytes, reloadByRestart, reloadsUnderLoad } from '../support/processes/reloading.ts'
import { kindsOf } from '../support/processes/visitors.ts'

/** Of the heap, against what it was before. */
const growthLimit = 0.05

export async function prove({ long, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const given = (name: string) => args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1)
  const reloads = Number(given('reloads') ?? (long ? 10_000 : 1_000))
  const routes = Number(given('routes') ?? 5_000)
  const load = { reloads, routes, perSecond: 100, sockets: 20 }
  const result = await reloadsUnderLoad({ ...load, tell: (line) => console.log(line) })
  console.log('')
  const control = await reloadByRestart({ ...load, tell: () => undefined })

  const { seen, heapBytes, p99Ms } = result
  const growth = heapBytes.after / heapBytes.before - 1
  const dropped = ({ droppedSockets, partedSockets }: typeof seen): number => droppedSockets + partedSockets
  printTable(
    ['', 'requests', 'failed', 'WebSockets closed', 'echoes'],
    [
      [`${reloads} reloads`, grouped(seen.requests), seen.failures.length, dropped(seen), grouped(seen.echoes)],
      [
        'control: by a restart',
        grouped(control.requests),
        control.failures.length,
        dropped(control),
        grouped(control.echoes),
      ],
    ],
  )
  printTable(
    ['', 'before', 'with reloads'],
    [
      ['heap after collection', megabytes(heapBytes.before), megabytes(heapBytes.after)],
      ['p99 of requests, ms', p99Ms.before.toFixed(1), p99Ms.during.toFixed(1)],
      ['longest pause, ms', '', result.pauseMs.toFixed(1)],
    ],
  )
  for (const kind of kindsOf(seen.failures).slice(0, 10)) console.log(`  ${kind}`)

  const figures =
    `${result.tables} tables of ${grouped(routes)} routes and ${result.configurations} configurations, ` +
    `${grouped(seen.requests)} requests, ${seen.failures.length} failed, ${dropped(seen)} of 20 WebSockets dropped; ` +
    `heap ${growth < 0 ? '' : '+'}${(100 * growth).toFixed(1)} %; control: ${control.failures.length} failed, ${dropped(control)} dropped`
  const clean = seen.failures.length === 0 && dropped(seen) === 0 && seen.echoes > 0 && growth <= growthLimit
  return { pass: clean && dropped(control) > 0, figures }
}
