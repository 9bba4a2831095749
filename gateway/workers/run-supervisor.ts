import { Lifecycle, runUntilSignal } from '#server-kit/lifecycle.ts'
import { hostAndPort } from '../address.ts'
import { bytes, ms } from '../config-parts.ts'
import { type Program, sayReady } from './program.ts'
import { Supervisor } from './supervisor.ts'

/** Flushing, closing and saying goodbye, on top of the limits for requests. */
const endMs = 10_000

/** Holds the sockets and keeps `workers` gateways on them. SIGHUP: all read their configuration again; SIGUSR2: all are replaced. */
export async function runSupervisor({ file, start, log }: Program, workers: number): Promise<void> {
  const { site, listen, drain, memoryLimit, cache } = start.config.yaml
  const drainMs = ms(drain.notice) + ms(drain.limit) + endMs
  const supervisor = new Supervisor({
    configFile: file,
    listen: { public: hostAndPort(listen.public), internal: hostAndPort(listen.internal) },
    ports: cache.zones.length === 0 ? [] : cache.ports.map((port) => hostAndPort(port.listen)),
    workers,
    memoryLimitBytes: memoryLimit === undefined ? Number.POSITIVE_INFINITY : bytes(memoryLimit),
    drainMs,
    onEnd: () => process.kill(process.pid, 'SIGTERM'),
    log,
  })
  const lifecycle = new Lifecycle(log, { drainMs: drainMs + endMs }).add(supervisor).add({
    name: 'ready line',
    start: async () => sayReady(site, { ...supervisor.addresses, workers: supervisor.pids }),
  })
  process.on('SIGHUP', () => supervisor.reload())
  // `roll` tells its own failures, and never rejects.
  process.on('SIGUSR2', () => void supervisor.roll('asked for by SIGUSR2'))
  await runUntilSignal(lifecycle, log)
}
