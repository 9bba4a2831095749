import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build } from 'esbuild'

export interface WorkerBundle {
  readonly code: string
  /** Of the code: equal sources give equal names, so that a file written once serves every later start. */
  readonly digest: string
}

/** The table is a module of its own beside the code: code changes with releases, tables every hour. */
export const tableModule = './bundled-structure.json'

const workerEntry = fileURLToPath(new URL('../worker.ts', import.meta.url))

/** The worker as one module, in memory. `entry` is for tests, which bundle a worker of their own. */
export async function bundleWorker(entry = workerEntry): Promise<WorkerBundle> {
  return bundle({ entryPoints: [entry] })
}

/** The same with the supervisor's door (`holdable.ts`). */
export async function bundleHoldable(entry = workerEntry): Promise<WorkerBundle> {
  const door = fileURLToPath(new URL('./holdable.ts', import.meta.url))
  const contents = `import worker from ${JSON.stringify(entry)}
    import { holdable } from ${JSON.stringify(door)}
    const { traffic, hold } = holdable(worker)
    export { traffic as default, hold }`
  return bundle({ stdin: { contents, resolveDir: dirname(entry) } })
}

async function bundle(from: Pick<BuildOptions, 'entryPoints' | 'stdin'>): Promise<WorkerBundle> {
  const { outputFiles } = await build({
    ...from,
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
