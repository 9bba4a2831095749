/** `npm run prove -- keepalive`: a service that closes idle connections at random costs no request, and none is executed twice. */
import { openBed, type RunningGateway } from '../../test/gateway/bed.ts'
import { type RunningProcess, startScript } from '../../test/support/process-runner.ts'
import { placementSet, route, service, structure } from '../../test/support/tables.ts'
import type { BenchOptions } from '../command.ts'
import { grouped, printTable } from '../print.ts'
import { pausingClients, type Sent } from '../support/keepalive/pausing-clients.ts'

interface Run {
  readonly name: string
  readonly sent: Sent
  readonly service: Report
  /** Of the gateway, ms a request; undefined: not ours to measure. */
  readonly cpuMs: number | undefined
}

/** What the service says of itself. */
interface Report {
  readonly requests: number
  readonly get: number
  readonly post: number
  readonly connections: number
  readonly closed: number
}

export interface KeepAliveOptions {
  readonly seed: number
  readonly requests: number
  readonly clients: number
}

export async function prove({ long, seed }: BenchOptions): Promise<{ pass: boolean; figures: string }> {
  return proveKeepAlive({ seed, requests: long ? 1_000_000 : 100_000, clients: 64 })
}

export async function proveKeepAlive(options: KeepAliveOptions): Promise<{ pass: boolean; figures: string }> {
  const slow = await guarded('closes after 1 to 6 s', [1_000, 6_000], options)
  const quick = await guarded('closes after 0 to 50 ms', [0, 50], {
    ...options,
    clients: options.clients / 2,
    requests: options.requests / 4,
  })
  const control = await unguarded('no guard, 0 to 50 ms', [0, 50], {
    ...options,
    requests: Math.max(4_000, options.requests / 10),
  })
  const runs = [slow, quick, control]
  const ms = (value: number) => value.toFixed(2)
  printTable(
    ['run', 'requests', 'errors', 'executed twice', 'connections', 'closed by service', 'CPU ms/request', 'p50', 'p99'],
    runs.map(({ name, sent, service, cpuMs }) => [
      name,
      grouped(sent.requests),
      `${sent.errors.get} GET ${sent.errors.post} POST`,
      `${service.get} GET ${service.post} POST`,
      grouped(service.connections),
      grouped(service.closed),
      cpuMs === undefined ? '-' : ms(cpuMs),
      ms(sent.latencies[Math.floor(sent.requests * 0.5)] ?? 0),
      ms(sent.latencies[Math.floor(sent.requests * 0.99)] ?? 0),
    ]),
  )
  console.log('A GET that met a closing connection is sent again and may be executed twice: RFC 9110 section 9.2.2.\n')

  for (const { name, sent } of runs) for (const [code, count] of sent.codes) console.log(`${name}: ${count} ${code}`)

  const errors = slow.sent.errors.get + slow.sent.errors.post
  const twice = slow.service.post + quick.service.post
  const wrong = control.sent.errors.get + control.sent.errors.post + control.service.post
  const figures =
    `${grouped(slow.sent.requests)} at 1-6 s: ${errors} errors; ${grouped(quick.sent.requests)} at 0-50 ms: ` +
    `${quick.sent.errors.get + quick.sent.errors.post} errors, ${ms((quick.cpuMs ?? 0) / (slow.cpuMs ?? 1))} x CPU; ` +
    `${twice} POSTs executed twice; without the guard ${wrong} errors or doubles of ${grouped(control.sent.requests)}`
  return { pass: errors === 0 && twice === 0 && quick.sent.errors.get === 0 && wrong > 0, figures }
}

type Range = readonly [minMs: number, maxMs: number]

async function guarded(name: string, range: Range, options: KeepAliveOptions): Promise<Run> {
  await using restless = await startRestless(range)
  await using bed = await openBed()
  const deployments = [{ site: 'onprem', url: restless.url }]
  // Tier 1 is never shed: on a busy machine that would be another story.
  const shape = structure([route('/v1/**')], { services: [service('orders', { deployments, tier: 1 })] })
  const table = await bed.writeTable('table', shape, placementSet([]))
  const gateway = await bed.start('onprem', { table: { file: table }, log: { access: false } })
  const before = await cpuSeconds(gateway)
  const sent = await pausingClients({ url: gateway.public, ...options, ...pauses(range) })
  const cpuMs = ((await cpuSeconds(gateway)) - before) / (sent.requests / 1_000)
  return { name, sent, service: await restless.report(), cpuMs }
}

async function unguarded(name: string, range: Range, options: KeepAliveOptions): Promise<Run> {
  await using restless = await startRestless(range)
  await using forwarder = await startScript('bench/support/keepalive/bare-forwarder.ts', [restless.url], {
    ready: /"port":/,
  })
  const sent = await pausingClients({ url: urlOf(forwarder), ...options, ...pauses(range) })
  return { name, sent, service: await restless.report(), cpuMs: undefined }
}

/** Long enough that each connection is idle up to the latest moment at which the service would close it. */
function pauses([, maxMs]: Range): { readonly long: number; readonly pauseMs: number } {
  return maxMs > 1_000 ? { long: 0.02, pauseMs: maxMs + 1_000 } : { long: 0, pauseMs: 0 }
}

async function startRestless(
  range: Range,
): Promise<AsyncDisposable & { readonly url: string; report(): Promise<Report> }> {
  const process = await startScript('bench/support/keepalive/restless-service.ts', range.map(String), {
    ready: /"port":/,
  })
  const url = urlOf(process)
  return {
    url,
    report: async () => (await (await fetch(`${url}/report`)).json()) as Report,
    [Symbol.asyncDispose]: async () => void (await process.stop()),
  }
}

function urlOf(process: RunningProcess): string {
  return `http://127.0.0.1:${/"port":(\d+)/.exec(process.output())?.[1]}`
}

async function cpuSeconds(gateway: RunningGateway): Promise<number> {
  const text = await (await gateway.ask('/metrics')).text()
  return Number(/^tidegate_process_cpu_seconds_total ([\d.e+-]+)/m.exec(text)?.[1] ?? Number.NaN)
}
