import { systemClock } from '#server-kit/clock.ts'
import { Lifecycle } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { controlPlaneSource } from '../table-sources.ts'
import { AdminListener } from './admin-listener.ts'
import type { EdgeConfig } from './config.ts'
import { edgeMetrics } from './edge-metrics.ts'
import { EdgeReload } from './edge-reload.ts'
import { problems } from './errors.ts'
import { type Launch, makeLaunch } from './launch.ts'
import { RunFolder } from './run-folder.ts'
import { Supervisor } from './supervisor.ts'
import { TableRelay } from './table-relay.ts'

export interface SelfHostedEdge {
  readonly lifecycle: Lifecycle
  readonly supervisor: Supervisor
  readonly relay: TableRelay
  readonly reload: EdgeReload
}

/**
 * The parts of a self-hosted edge, not yet started. `version` is asked at each reload: a new release may have come. Throws
 * `edge-config-invalid` for keys that are no keys.
 */
export async function selfHostedEdge(
  config: EdgeConfig,
  version: () => string,
  log: Log,
  workerEntry?: string,
): Promise<SelfHostedEdge> {
  let launch = await makeLaunch(config, version(), workerEntry)
  const { metrics, refusals, restarts, reloads } = edgeMetrics(() => ({ supervisor, relay, reload }))
  const relay = new TableRelay({
    ...askedBy(launch),
    home: config.home,
    clock: systemClock,
    log,
    onRefusal: ({ kind, because }) => refusals.inc({ kind, because }),
  })
  const supervisor = new Supervisor({
    launch,
    folder: new RunFolder(config.home, relay),
    log,
    onRestart: (reason) => restarts.inc({ reason }),
  })
  const reload = new EdgeReload({
    launch,
    launchOf: async (next) => {
      const made = await makeLaunch(next, version(), workerEntry)
      // Its processes would start without a table, and send everything to the first site.
      if (await relay.isBelievedWith(made.trusted)) return made
      const reason = 'no key of keys.tables has signed the table that serves'
      throw problems['edge-config-invalid']({ file: next.file, reason })
    },
    env: process.env,
    roll: (next, reason) => supervisor.roll(next, reason),
    adopt: (next) => {
      launch = next
      relay.renew(askedBy(next))
      supervisor.memoryCeilingBytes = next.config.memoryCeilingBytes
    },
    onOutcome: (outcome) => reloads.inc({ outcome }),
    log,
  })
  const lifecycle = new Lifecycle(log, { drainMs: config.drainMs + 5_000 }).add(relay).add(supervisor).add(reload)
  const admin =
    config.admin &&
    new AdminListener({
      listen: config.admin.listen,
      tokens: () => launch.config.admin?.tokens ?? [],
      readiness: () => {
        const children = supervisor.states.filter((state) => state === 'ready').length
        const table = relay.numbers !== undefined
        const { state } = lifecycle
        return { ready: state === 'ready' && children > 0 && table, state, children, table }
      },
      metrics,
      log,
    })
  if (admin !== undefined) lifecycle.add(admin)
  lifecycle.add({
    name: 'ready line',
    start: async () => {
      if (config.trustedClientIpHeader === undefined) log.warn({ file: config.file }, noFront)
      const listens = { listen: supervisor.address, ...(admin && { admin: admin.address }) }
      log.info({ ready: true, ...listens, workers: supervisor.pids }, 'the edge serves')
    },
  })
  return { lifecycle, supervisor, relay, reload }
}

/** Edge trap D11: what only a front mends. */
const noFront =
  'no front is told (trustedClientIpHeader): for production put one before this edge, as it speaks plain HTTP/1.1, knows no client address, and refuses odd request lines; see docs/operate/edge.md'

/** Of whom tables are asked, and whose are believed. */
function askedBy({ config, controlRing, trusted }: Launch) {
  const source = controlPlaneSource({
    url: config.controlPlaneUrl,
    ring: controlRing,
    now: Date.now,
    newId: systemRandom.id,
  })
  return { source, trusted }
}
