import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Problem } from '#routes/problem.ts'
import { systemClock } from '#server-kit/clock.ts'
import { runUntilSignal } from '#server-kit/lifecycle.ts'
import { createLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { readGatewayConfig } from './config.ts'
import { openGateway } from './gateway.ts'

/** `node gateway/main.ts --config gateway.yaml`: one gateway until SIGTERM. */
const { values } = parseArgs({ options: { config: { type: 'string', default: 'gateway.yaml' } } })
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

try {
  const config = readGatewayConfig(values.config, process.env)
  const log = createLog({ program: 'gateway', level: config.yaml.log.level }).child({ site: config.yaml.site })
  const { lifecycle, addresses } = await openGateway({
    config,
    log,
    clock: systemClock,
    random: systemRandom,
    version,
    end: () => process.kill(process.pid, 'SIGTERM'),
  })
  lifecycle.add({
    name: 'ready line',
    // Whoever started us waits for this line, whatever the level of the log.
    start: async () =>
      void process.stdout.write(
        `${JSON.stringify({ ready: true, program: 'gateway', site: config.yaml.site, ...addresses() })}\n`,
      ),
  })
  await runUntilSignal(lifecycle, log)
} catch (cause) {
  if (!(cause instanceof Problem)) throw cause
  process.stderr.write(`${cause.message}\n${cause.fix}\n`)
  process.exitCode = 1
}
