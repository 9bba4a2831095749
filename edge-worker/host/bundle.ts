import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

export interface WorkerBundle {
  readonly code: string
  /** Of the code: equal sources give equal names, so that a file written once serves every later start. */
  readonly digest: string
}

/** The table is a module of its own beside the code: code changes with releases, tables every hour. */
export const tableModule = './bundled-structure.json'

/** The worker as one module, in memory. `entry` is for tests, which bundle a worker of their own. */
export async function bundleWorker(
  entry = fileURLToPath(new URL('../worker.ts', import.meta.url)),
): Promise<WorkerBundle> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    platform: 'neutral',
    conditions: ['workerd', 'worker'],
    mainFields: ['module', 'main'],
    minify: true,
    legalComments: 'none',
    logLevel: 'silent',
    external: ['*/bundled-structure.json'],
  })
  const code = outputFiles[0]?.text ?? ''
  return { code, digest: createHash('sha256').update(code).digest('hex').slice(0, 16) }
}
