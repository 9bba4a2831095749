import { KeyRing, type Purpose, type RingFile, trustedKeys } from '#routes/seal.ts'
import { systemClock } from '#server-kit/clock.ts'
import { Lifecycle } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { controlPlaneSource } from '../table-sources.ts'
import type { EdgeConfig } from './config.ts'
import { problems } from './errors.ts'
import { Supervisor } from './supervisor.ts'
import { TableRelay } from './table-relay.ts'

export interface SelfHostedEdge {
  readonly lifecycle: Lifecycle
  readonly supervisor: Supervisor
  readonly relay: TableRelay
}

/** The parts of a self-hosted edge, not yet started. Throws `edge-config-invalid` for keys that are no keys. */
export async function selfHostedEdge(
  config: EdgeConfig,
  version: string,
  log: Log,
  workerEntry?: string,
): Promise<SelfHostedEdge> {
  const trusted = await trustedKeys(config.tableKeys.keys ?? [])
  if (trusted === undefined || trusted.size === 0) throw invalid(config, 'the file of table keys holds no usable key')
  await openRing(config, config.gatewayRing, 'edge-gateway')
  const controlRing = await openRing(config, config.controlRing, 'edge-control')
  const source = controlPlaneSource({
    url: config.controlPlaneUrl,
    ring: controlRing,
    now: Date.now,
    newId: systemRandom.id,
  })
  const relay = new TableRelay({ source, trusted, home: config.home, clock: systemClock, log })
  const supervisor = new Supervisor({
    config,
    version,
    relay,
    controlRing,
    log,
    ...(workerEntry === undefined ? {} : { workerEntry }),
  })
  const told = {
    name: 'ready line',
    start: async () =>
      log.info({ ready: true, listen: supervisor.address, workers: supervisor.pids }, 'the edge serves'),
  }
  const lifecycle = new Lifecycle(log, { drainMs: config.drainMs + 5_000 })
  return { lifecycle: lifecycle.add(relay).add(supervisor).add(told), supervisor, relay }
}

async function openRing(config: EdgeConfig, file: RingFile, purpose: Purpose): Promise<KeyRing> {
  const ring = file?.purpose === purpose && Array.isArray(file.keys) ? await KeyRing.open(file) : undefined
  if (ring === undefined) throw invalid(config, `its ring for ${purpose} is no such ring, or has no usable key`)
  return ring
}

function invalid(config: EdgeConfig, reason: string) {
  return problems['edge-config-invalid']({ file: config.file, reason })
}
