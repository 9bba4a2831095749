/** `node edge-worker/host/main.ts --config edge.yaml`: a self-hosted edge, until SIGTERM. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Problem } from '#routes/problem.ts'
import { runUntilSignal } from '#server-kit/lifecycle.ts'
import { createLog } from '#server-kit/log.ts'
import { type EdgeConfig, readEdgeConfig } from './config.ts'
import { selfHostedEdge } from './self-hosted-edge.ts'

const config = readOrEnd()
const log = createLog({ program: 'edge', level: config.logLevel })
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
await runUntilSignal((await selfHostedEdge(config, version, log)).lifecycle, log)

function readOrEnd(): EdgeConfig {
  const { values } = parseArgs({ options: { config: { type: 'string', default: 'edge.yaml' } } })
  try {
    return readEdgeConfig(values.config, process.env)
  } catch (cause) {
    if (!(cause instanceof Problem)) throw cause
    process.stderr.write(`${cause.message}\n${cause.fix}\n`)
    process.exit(1)
  }
}
