import { systemClock } from '#server-kit/clock.ts'
import { runUntilSignal } from '#server-kit/lifecycle.ts'
import { systemRandom } from '#server-kit/random.ts'
import { openGateway } from '../gateway.ts'
import { type Program, sayReady } from './program.ts'

/** One process with sockets of its own; SIGHUP reads the configuration again. */
export async function runAlone({ file, start, log, version }: Program): Promise<void> {
  const { config } = start
  const gateway = await openGateway({
    config,
    log,
    clock: systemClock,
    random: systemRandom,
    version,
    end: () => process.kill(process.pid, 'SIGTERM'),
    source: { file, env: process.env, start },
  })
  const { lifecycle } = gateway
  lifecycle.add({
    name: 'ready line',
    start: async () => sayReady(config.yaml.site, gateway.addresses()),
  })
  // `reload` tells its own failures, and never rejects.
  process.on('SIGHUP', () => void gateway.reload())
  await runUntilSignal(lifecycle, log)
}
