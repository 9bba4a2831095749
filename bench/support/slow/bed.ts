import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { openBed } from '../../../test/gateway/bed.ts'
import { placementSet, policy, route, service, structure } from '../../../test/support/tables.ts'
import { OpenLoop } from '../open-loop.ts'
import type { AttackEnd, AttackPlan } from './attack-worker.ts'

export interface Clocks {
  readonly headTimeout: string
  readonly bodyIdle: string
  readonly bodyWindow: string
  readonly takingTimeout: string
}

/** A gateway in front of two services of one thread: one has the good traffic, the other is what the attack is sent to. */
export interface SlowBed extends AsyncDisposable {
  readonly port: number
  rssMiB(): number
  /** 99th percentile of good requests' answers over some seconds of open-loop load, ms, and how many failed. */
  load(seconds: number): Promise<{ readonly p99: number; readonly failed: number; readonly count: number }>
  /** They come one after the other within `rampMs`. */
  attack(connections: AttackPlan['connections'], rampMs: number): Attack
}

export interface Attack {
  readonly ends: readonly AttackEnd[]
  stop(): Promise<void>
}

/** About a quarter of what one process serves on a small machine: beside a gateway that does nothing, anything is slow. */
const perSecond = 600

export async function openSlowBed(clocks: Clocks): Promise<SlowBed> {
  const upstream = new Worker(new URL('./service-worker.ts', import.meta.url))
  const [servicePort] = (await once(upstream, 'message')) as [number]
  const bed = await openBed()
  const deployments = (host: string) => [{ site: 'onprem', url: `http://${host}:${servicePort}` }]
  // Two deployments: whoever fills the connections to one does not take those to the other.
  const services = [
    service('orders', { tier: 1, deployments: deployments('127.0.0.1') }),
    service('uploads', { tier: 3, deployments: deployments('localhost') }),
  ]
  // Long answers and uploads may take their time: it is the clocks that must find who wastes it.
  const timeout = { ...policy.timeout, totalMs: 300_000 }
  const uploads = { service: 'uploads', policy: { ...policy, timeout } }
  const routes = [route('/v1/**'), route('/upload/**', uploads)]
  await bed.writeTable('table', structure(routes, { services }), placementSet([]))
  const limits = { ...clocks, deploymentConnections: 4_000, deploymentInFlight: 4_000, maxInFlight: 10_000 }
  const log = { level: 'error', access: false }
  // Whoever is refused as overload is not slow any more: the clocks alone are on trial here.
  const rates = { shedAbove: '10s' }
  const gateway = await bed.start('onprem', { table: { file: 'table' }, log, limits, rates })

  return {
    port: gateway.port,
    rssMiB: () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.process.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
    load: async (seconds) => {
      const times: number[] = []
      let failed = 0
      const next = () => ({ method: 'GET', path: '/v1/x', headers: { host: 'api.example.com' } })
      const loop = new OpenLoop({
        url: gateway.public,
        perSecond,
        next,
        seen: ({ status, sentAt, answeredAt }) => {
          times.push(answeredAt - sentAt)
          if (status !== 200) failed++
        },
      }).start()
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
      await loop.stop()
      times.sort((a, b) => a - b)
      return { p99: times[Math.floor(times.length * 0.99)] ?? 0, failed, count: times.length }
    },
    attack: (connections, rampMs) => {
      const ends: AttackEnd[] = []
      const worker = new Worker(new URL('./attack-worker.ts', import.meta.url), {
        workerData: { port: gateway.port, connections, rampMs } satisfies AttackPlan,
      })
      worker.on('message', (end: AttackEnd) => ends.push(end))
      return { ends, stop: () => stopped(worker) }
    },
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]()
      await stopped(upstream)
    },
  }
}

async function stopped(worker: Worker): Promise<void> {
  const exited = once(worker, 'exit')
  worker.postMessage('stop')
  await exited
}

/** Connections that have had one answer each and then say nothing. */
export async function openIdle(port: number, count: number): Promise<Socket[]> {
  const idle: Socket[] = []
  for (let at = 0; at < count; at += 250) {
    const some = Array.from({ length: Math.min(250, count - at) }, (_, more) =>
      connect({ port, host: '127.0.0.1', localAddress: `127.0.3.${1 + ((at + more) % 200)}` }),
    )
    await Promise.all(some.map(answersOnce))
    idle.push(...some)
  }
  return idle
}

/** Resolves with the status line of one more answer; '' when the connection is closed. */
export function answersOnce(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (chunk) => resolve(chunk.toString('latin1', 0, 12)))
    socket.once('close', () => resolve(''))
    socket.on('error', () => {})
    socket.write('GET /v1/x HTTP/1.1\r\nHost: api.example.com\r\n\r\n')
  })
}
