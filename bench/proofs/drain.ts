/** `npm run prove -- drain`: processes are replaced on the socket that their supervisor holds, and no client fails. */
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { type RollingResult, rollingRestarts, stopsAndStarts } from '../support/processes/rolling.ts'
import { kindsOf, quantile } from '../support/processes/visitors.ts'

export async function prove({ long, args }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  const given = (name: string) => args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1)
  const restarts = Number(given('restarts') ?? (long ? 50 : 20))
  const controls = Number(given('controls') ?? 2)
  const load = { perSecond: long ? 400 : 100, sockets: 10, streams: 10 }
  const rolling = await rollingRestarts({ ...load, restarts, tell: (line) => console.log(line) })
  console.log('')
  const control = await stopsAndStarts({ ...load, restarts: controls, tell: () => undefined })

  printTable(
    ['', 'requests', 'failures', 'p99 ms', 'closed by 1001', 'dropped', 'streams resumed', 'events'],
    [row(`${restarts} restarts of two processes`, rolling), row(`control: ${controls} x stopped and started`, control)],
  )
  for (const kind of kindsOf(rolling.seen.failures).slice(0, 10)) console.log(`  ${kind}`)
  if (control.seen.failures[0] !== undefined) console.log(`the control's first failure: ${control.seen.failures[0]}\n`)

  const { seen, tookMs } = rolling
  const failures = seen.failures.length
  const used = seen.partedSockets > 0 && seen.resumedStreams > 0
  const figures =
    `${restarts} restarts of two processes, ${grouped(seen.requests)} requests, ${failures} failures; ` +
    `${seen.partedSockets} WebSockets closed by 1001, ${seen.resumedStreams} event streams resumed; ` +
    `a restart ${(quantile(tookMs, 0.5) / 1000).toFixed(1)} s; control: ${control.seen.failures.length} failures`
  return { pass: failures === 0 && used && control.seen.failures.length > 0, figures }
}

function row(name: string, { seen }: RollingResult): (string | number)[] {
  return [
    name,
    grouped(seen.requests),
    seen.failures.length,
    quantile(seen.tookMs, 0.99).toFixed(1),
    seen.partedSockets,
    seen.droppedSockets,
    seen.resumedStreams,
    grouped(seen.events),
  ]
}
