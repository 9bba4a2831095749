import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Problem } from '#routes/problem.ts'
import { createLog } from '#server-kit/log.ts'
import { startConfig } from './reload/kept-config.ts'
import { workerCount } from './workers/worker-count.ts'

/**
 * `node gateway/main.ts --config gateway.yaml [--workers N]`: one gateway until SIGTERM. `--supervised` puts even a single
 * process under a supervisor, so that it can be replaced; `--worker` is what a supervisor starts.
 */
const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'gateway.yaml' },
    workers: { type: 'string' },
    supervised: { type: 'boolean', default: false },
    worker: { type: 'boolean', default: false },
  },
})
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

try {
  const file = values.config
  const start = await startConfig(file, process.env)
  const { site, log: logs } = start.config.yaml
  const log = createLog({ program: 'gateway', level: logs.level }).child({ site })
  const program = { file, start, log, version }
  const workers = workerCount(values.workers, start.config.yaml, file)
  // What is not run is not loaded: a supervisor is small.
  if (values.worker) await (await import('./workers/run-worker.ts')).runWorker(program)
  else if (workers > 1 || values.supervised)
    await (await import('./workers/run-supervisor.ts')).runSupervisor(program, workers)
  else await (await import('./workers/run-alone.ts')).runAlone(program)
} catch (cause) {
  if (!(cause instanceof Problem)) throw cause
  process.stderr.write(`${cause.message}\n${cause.fix}\n`)
  process.exitCode = 1
}
