/**
 * One look at the whole system: each way that a request can go, with its rate and its latency.
 *
 *     npm run bench -- smoke [--long] [embedded]
 *
 * First as many requests as the way takes, for the rate; then half of that rate, for the latency: under saturation one
 * measures a queue. The load generator, all programs and the stores share this machine's cores, so that these are
 * figures to compare with one another and with those of another day, not a server's capacity.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import autocannon from 'autocannon'
import type { BenchOptions } from '../command.ts'
import { type Curve, percentile, plotPercentiles } from '../plot.ts'
import { grouped, printTable } from '../print.ts'
import { startSystem } from '../support/start-system.ts'

interface Way {
  readonly name: string
  readonly url: string
  readonly token: string | undefined
}

interface Measured extends Curve {
  /** Requests a second, at most. */
  readonly rate: number
  readonly failed: number
}

const connections = 32
const results = new URL('../results/', import.meta.url)

export async function bench({ long, args }: BenchOptions): Promise<void> {
  const seconds = long ? 20 : 4
  await using system = await startSystem({ stores: args.includes('embedded') ? 'embedded' : 'real' })
  const { demo, client } = system
  // A unit that the cloud owns, so that its gateway has something of its own to serve.
  const { placement } = await client.unit('users')
  await client.flip('users', { to: 'cloud', reason: 'bench smoke' }, placement.epoch)

  const ways: Way[] = [
    { name: 'service itself', url: `${demo.services.onprem}/v1/orders`, token: undefined },
    { name: 'gateway onprem', url: `${demo.gateways.onprem.public}/v1/orders`, token: demo.token },
    { name: 'gateway cloud', url: `${demo.gateways.cloud.public}/v1/users`, token: demo.token },
    { name: 'gateway, cached', url: `${demo.gateways.onprem.public}/v1/orders/7`, token: demo.token },
    { name: 'edge and gateway', url: `${demo.edge}/v1/orders`, token: demo.token },
    { name: 'edge, cached', url: `${demo.edge}/v1/orders/7`, token: demo.token },
  ]
  const measured: Measured[] = []
  for (const way of ways) measured.push(await measure(way, seconds))

  const ms = (value: number): string => value.toFixed(2)
  printTable(
    ['way', 'req/s', 'p50 ms', 'p90 ms', 'p99 ms', 'p99.9 ms', 'samples', 'failed'],
    measured.map(({ name, rate, sorted, failed }) => [
      name,
      grouped(rate),
      ...[0.5, 0.9, 0.99, 0.999].map((share) => ms(percentile(sorted, share))),
      grouped(sorted.length),
      failed,
    ]),
  )
  const machine = `${cpus().length} cores shared with the generator, Node ${process.versions.node}`
  const note = `at half of each way's rate, ${connections} connections; ${machine}`
  await mkdir(results, { recursive: true })
  await writeFile(new URL('smoke.svg', results), plotPercentiles(measured, { title: 'Latency of each way', note }))
  console.log(`rate: as many as it takes; latency: at half of that. ${machine}.`)
  console.log('drawn: bench/results/smoke.svg')
  const failed = measured.reduce((sum, way) => sum + way.failed, 0)
  if (failed > 0) {
    console.log(`${failed} requests failed: these figures are of no use`)
    process.exitCode = 1
  }
}

async function measure(way: Way, seconds: number): Promise<Measured> {
  // Compiles what is hot, fills the caches.
  await shoot(way, 1)
  const full = await shoot(way, Math.max(2, seconds / 2))
  const half = await shoot(way, seconds, Math.max(1, Math.round(full.rate / 2)))
  return { name: way.name, rate: full.rate, sorted: half.sorted, failed: full.failed + half.failed }
}

/** At this rate a second, or as fast as the answers come. */
async function shoot({ url, token }: Way, seconds: number, overallRate?: number) {
  const times: number[] = []
  const ended = Promise.withResolvers<autocannon.Result>()
  const options = {
    url,
    connections,
    duration: seconds,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(overallRate === undefined ? {} : { overallRate }),
  }
  const run = autocannon(options, (cause: unknown, result) => (cause ? ended.reject(cause) : ended.resolve(result)))
  // Its own histogram counts whole milliseconds, which is all that these answers take.
  run.on('response', (_client, _status, _bytes, responseMs) => times.push(responseMs))
  const { errors, timeouts, non2xx, requests } = await ended.promise
  const sorted = Float64Array.from(times).sort()
  return { sorted, rate: requests.total / seconds, failed: errors + timeouts + non2xx }
}
