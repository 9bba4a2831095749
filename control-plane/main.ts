import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Problem } from '#routes/problem.ts'
import { systemClock } from '#server-kit/clock.ts'
import { runUntilSignal } from '#server-kit/lifecycle.ts'
import { createLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { openControlPlane } from './app.ts'
import { readControlPlaneConfig } from './config.ts'
import { readKeys, renewRings } from './keys.ts'

/** `node control-plane/main.ts --config control-plane.yaml`: one control plane until SIGTERM. */
const { values } = parseArgs({ options: { config: { type: 'string', default: 'control-plane.yaml' } } })
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

try {
  const config = readControlPlaneConfig(values.config, process.env)
  const log = createLog({ program: 'control-plane', level: config.log.level })
  const keys = await readKeys(config.keys)
  const { lifecycle, addresses, plane } = await openControlPlane({
    config,
    keys,
    clock: systemClock,
    random: systemRandom,
    log,
    version,
    env: process.env,
  })
  lifecycle.add({
    name: 'ready line',
    // Whoever started us waits for this line, whatever the level of the log.
    start: async () =>
      void process.stdout.write(`${JSON.stringify({ ready: true, program: 'control-plane', ...addresses() })}\n`),
  })
  process.on('SIGHUP', () => plane.background.run('read the keys again', readAgain()))
  await runUntilSignal(lifecycle, log)

  async function readAgain(): Promise<void> {
    await renewRings(keys, config.keys)
    log.info({ sealing: keys.sealingId }, 'the rings were read again; what seals tables stays until the next start')
  }
} catch (cause) {
  if (!(cause instanceof Problem)) throw cause
  process.stderr.write(`${cause.message}\n${cause.fix}\n`)
  process.exitCode = 1
}
