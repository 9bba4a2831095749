import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { problems } from './errors.ts'
import { compatibilityDate, compatibilityFlags } from './workerd-config.ts'

/** Path of the binary; the package has no types. */
const workerd = (createRequire(import.meta.url)('workerd') as { default: string }).default

const tries = 3
const limitMs = 10_000

/**
 * Ms from the start of a `workerd` process to its first answer by the script of this folder, whose first module is the main
 * one: above what Cloudflare counts as start-up, which is without the process. The best of three, since others use this
 * machine too. Throws `workerd-not-ready`.
 */
export async function firstAnswerMs(folder: string, modules: readonly string[]): Promise<number> {
  const configFile = join(folder, 'startup.capnp')
  await writeFile(configFile, configOf(modules))
  let best = Number.POSITIVE_INFINITY
  for (let at = 0; at < tries; at++) best = Math.min(best, await startOnce(configFile))
  return Math.round(best)
}

async function startOnce(configFile: string): Promise<number> {
  const begun = performance.now()
  const child = spawn(workerd, ['serve', configFile, '--control-fd=3'], {
    env: {},
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  let words = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    words = (words + chunk.toString('utf8')).slice(-2_000)
  })
  try {
    const signal = AbortSignal.timeout(limitMs)
    const port = await Promise.race([portOf(child.stdio[3] as Readable), ended.then(() => undefined)])
    if (port === undefined) throw problems['workerd-not-ready']({ limitMs, reason: words.trim() })
    const answer = await fetch(`http://127.0.0.1:${port}/`, { signal })
    const ms = performance.now() - begun
    const said = await answer.text()
    // Ours, and not that of a runtime whose worker threw while it began.
    if (said.includes('edge-misbound')) return ms
    throw problems['workerd-not-ready']({ limitMs, reason: `it answered ${answer.status}; ${words.trim()}` })
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

/** Undefined: it ended before it listened. */
async function portOf(control: Readable): Promise<number | undefined> {
  for await (const line of createInterface(control)) {
    const { event, port } = JSON.parse(line) as { event?: string; port?: number }
    if (event === 'listen') return port
  }
  return undefined
}

/** Without bindings: the worker refuses its first request, after all that happens at a start. */
function configOf(modules: readonly string[]): string {
  const embedded = modules.map((name) => `(name = "${name}", esModule = embed "${name}")`)
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "edge", worker = .edge)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "edge")],
);
const edge :Workerd.Worker = (
  modules = [${embedded.join(', ')}],
  compatibilityDate = "${compatibilityDate}",
  compatibilityFlags = [${compatibilityFlags.map((flag) => `"${flag}"`).join(', ')}],
);
`
}
