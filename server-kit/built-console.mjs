/** Keeps the built console as new as its sources. Plain JavaScript for any Node >= 20. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { environmentFor } from './find-node.mjs'
import { withLock } from './folder-lock.mjs'

const run = promisify(execFile)
const source = /\.(?:tsx?|css|html|svg)$/

/** Runs Vite when a source is newer than the last build. A failure is told and stops nothing: all else works without the console. */
export async function buildConsole({ root, node, log }) {
  const folder = join(root, 'control-plane', 'console')
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  const page = join(folder, 'dist', 'index.html')
  const sources = [folder, join(root, 'control-plane', 'api-client'), join(root, 'routes')]
  // Where only what runs is installed, the console came built.
  if (!existsSync(join(folder, 'vite.config.ts')) || !existsSync(vite)) return
  const isNew = async () => (await changedAt(page)) >= Math.max(...(await Promise.all(sources.map(newest))))
  if (await isNew()) return

  await mkdir(join(root, '.tidegate'), { recursive: true })
  await withLock(join(root, '.tidegate', 'console.lock'), log, async () => {
    if (await isNew()) return
    log('building the console')
    try {
      await run(node, [vite, 'build', folder], { cwd: root, env: environmentFor(node), maxBuffer: 16 * 1024 * 1024 })
    } catch (cause) {
      log(`the console could not be built:\n${cause.stderr || cause.stdout || cause.message}`)
    }
  })
}

/** Milliseconds since 1970; never, when it is not there. */
async function changedAt(path) {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? Number.NEGATIVE_INFINITY
}

async function newest(folder) {
  // A folder that is not there has no sources.
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const times = entries
    .filter(({ name }) => name !== 'dist' && name !== 'node_modules')
    .map((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return newest(path)
      return source.test(entry.name) ? changedAt(path) : Number.NEGATIVE_INFINITY
    })
  return Math.max(Number.NEGATIVE_INFINITY, ...(await Promise.all(times)))
}
