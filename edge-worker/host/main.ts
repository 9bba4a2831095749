/** `node edge-worker/host/main.ts --config edge.yaml`: a self-hosted edge, until SIGTERM. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Problem } from '#routes/problem.ts'
import { runUntilSignal } from '#server-kit/lifecycle.ts'
import { createLog } from '#server-kit/log.ts'
import { readEdgeConfig } from './config.ts'
import { selfHostedEdge } from './self-hosted-edge.ts'

const { values } = parseArgs({ options: { config: { type: 'string', default: 'edge.yaml' } } })
try {
  const config = readEdgeConfig(values.config, process.env)
  const log = createLog({ program: 'edge', level: config.logLevel })
  const { lifecycle, reload } = await selfHostedEdge(config, packageVersion, log)
  // Both tell their own failures, and never reject.
  process.on('SIGHUP', () => void reload.reload())
  process.on('SIGUSR2', () => void reload.replaceAll())
  await runUntilSignal(lifecycle, log)
} catch (cause) {
  if (!(cause instanceof Problem)) throw cause
  process.stderr.write(`${cause.message}\n${cause.fix}\n`)
  process.exit(1)
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
