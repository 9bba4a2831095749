import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decide } from '#routes/decide.ts'
import { Problem } from '#routes/problem.ts'
import type { DeploymentFacts, RouteFacts } from '#routes/structure.ts'
import type { Table } from '#routes/table.ts'
import { Background } from '#server-kit/background.ts'
import { type Clock, systemClock } from '#server-kit/clock.ts'
import { createLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { seededRandom } from '#server-kit/random.ts'
import { type Answer, isStream } from '../../../gateway/answer.ts'
import { Exchange } from '../../../gateway/exchange.ts'
import { RequestBody } from '../../../gateway/request-body.ts'
import { Deployments, type DeploymentsOptions } from '../../../gateway/upstream/deployments.ts'
import { LoopLag } from '../../../gateway/upstream/loop-lag.ts'
import { resolveByDns } from '../../../gateway/upstream/resolve-each.ts'
import { upstream } from '../../../gateway/upstream/upstream.ts'
import { upstreamMetrics } from '../../../gateway/upstream/upstream-metrics.ts'
import { type UpstreamStatus, upstreamsStatus } from '../../../gateway/upstream/upstreams-status.ts'
import { placementSet, route, service, structure, tableOf } from '../../support/tables.ts'

/** The upstream phase alone behind a small front, so that a test sees its insides. */
export interface ServiceBed extends AsyncDisposable {
  readonly url: string
  readonly deployments: Deployments
  status(): UpstreamStatus
  /** A new table: the deployment and its route as they are from now on. */
  follow(deployment: Partial<DeploymentFacts>, facts?: Partial<RouteFacts>): Promise<void>
  metrics(): Promise<string>
  /** Of the last exchange. */
  readonly last: () => Exchange
}

export interface ServiceBedOptions {
  readonly deployment: Partial<DeploymentFacts>
  readonly route?: Partial<RouteFacts>
  readonly settings?: Partial<DeploymentsOptions['settings']>
  readonly certificates?: DeploymentsOptions['certificates']
  readonly resolver?: string
  readonly clock?: Clock
  /** What earlier phases would have learned. */
  readonly prepare?: (x: Exchange, message: IncomingMessage) => void
}

/** Time goes by itself, and by leaps of a test. */
export class LeapingClock implements Clock {
  #ahead = 0

  now(): number {
    return Date.now() + this.#ahead
  }

  monotonic(): number {
    return performance.now() + this.#ahead
  }

  leap(ms: number): void {
    this.#ahead += ms
  }
}

const settings = {
  connections: 64,
  inFlight: 1_000,
  idleMs: 60_000,
  ejection: true,
  panicBelow: 50,
  breaker: true,
  retryBudget: true,
}

export async function openServiceBed(options: ServiceBedOptions): Promise<ServiceBed> {
  const log = createLog({ program: 'test', level: 'silent' })
  const registry = createMetrics()
  const metrics = upstreamMetrics(registry)
  const background = new Background(log)
  const clock = options.clock ?? systemClock
  const parts = { site: 'onprem', metrics, clock, random: seededRandom(1) }
  // Of the real time: a test's leaps are no lateness.
  const lag = new LoopLag(systemClock)
  const deployments = new Deployments({
    ...parts,
    lag,
    settings: { ...settings, ...options.settings },
    certificates: options.certificates ?? {},
    resolve: resolveByDns(options.resolver),
    background,
    log,
  })
  const phase = upstream({ ...parts, caches: false, pseudonym: 'test', believes: () => false, deployments })
  let table: Table
  let number = 0
  let last: Exchange | undefined

  const follow = async (deployment: Partial<DeploymentFacts>, facts: Partial<RouteFacts> = {}): Promise<void> => {
    const at = { site: 'onprem', url: 'http://127.0.0.1:9', ...deployment }
    const services = [service('orders', { deployments: [at] })]
    table = await tableOf(structure([route('/**', facts)], { services, number: ++number }), placementSet([]))
    deployments.retain(table)
  }
  await follow(options.deployment, options.route)

  const server = createServer((message, response) => {
    const x = exchangeFor(message)
    x.table = table
    x.decision = decide(table, x)
    options.prepare?.(x, message)
    last = x
    response.once('close', () => response.writableFinished || x.leave())
    background.run('answer', async () => write(response, await answer(x)))
  })
  const answer = async (x: Exchange): Promise<Answer> => {
    try {
      return (await phase.before?.(x)) as Answer
    } catch (thrown) {
      if (!(thrown instanceof Problem)) throw thrown
      const { code, status, facts } = thrown
      const headers = ['x-code', code, 'retry-after', String(facts['retryAfterS'] ?? '')]
      return { status, reason: '', headers, body: Buffer.from(code) }
    }
  }
  return {
    url: await listen(server),
    deployments,
    follow,
    status: () => upstreamsStatus(deployments.all, clock.monotonic())[0] as UpstreamStatus,
    metrics: () => registry.text(),
    last: () => last as Exchange,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      lag.stop()
      await deployments.close()
      await background.settle(1_000)
    },
  }
}

/** An instance of a service; `await using` ends it. */
export interface Instance extends AsyncDisposable {
  readonly server: Server
  readonly url: string
  /** Requests that came. */
  readonly requests: IncomingMessage[]
}

export async function startInstance(listener: RequestListener): Promise<Instance> {
  const requests: IncomingMessage[] = []
  const server = createServer((message, response) => {
    requests.push(message)
    listener(message, response)
  })
  const url = await listen(server)
  return {
    server,
    url,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      if (server.listening) server.close()
    },
  }
}

export const sayOk: RequestListener = (message, response) => {
  message.resume().once('end', () => response.end('ok'))
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function exchangeFor(message: IncomingMessage): Exchange {
  const said = message.headers['content-length']
  const length = said === undefined ? undefined : Number(said)
  const present = (length ?? 0) > 0 || message.headers['transfer-encoding'] !== undefined
  const pace = { idleMs: 15_000, windowMs: 30_000, bytesPerSecond: 500 }
  const x = new Exchange(
    {
      method: message.method ?? 'GET',
      target: message.url ?? '/',
      version: '1.1',
      headers: message.rawHeaders,
      body: new RequestBody(message, { present, length }, { pace, clock: systemClock }),
      peer: '127.0.0.1',
      secure: false,
    },
    'r0',
    performance.now(),
  )
  x.host = 'api.example.com'
  return x
}

function write(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers)
  if (body === undefined || !isStream(body)) {
    response.end(body)
    return
  }
  body.flow({
    write: (chunk) => response.write(chunk),
    end: (chunk) => response.end(chunk),
    fail: () => response.destroy(),
  })
  response.on('drain', () => body.resume())
}
