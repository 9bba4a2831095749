import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { TableOffer } from '#routes/messages.ts'
import { problems } from '../errors.ts'
import type { ScriptModule } from './cloudflare-client.ts'

/** The script with a table inside, ready for an upload. */
export interface BuiltScript {
  readonly mainModule: string
  readonly modules: readonly ScriptModule[]
  readonly compatibilityDate: string
  readonly compatibilityFlags: readonly string[]
  readonly codeDigest: string
  /** Of the code alone, and of all. */
  readonly codeGzipBytes: number
  readonly gzipBytes: number
  /** From the start of a process to its first answer: above what Cloudflare counts as start-up. */
  readonly startupMs: number
}

/** PORT: makes the script with this table. Throws `edge-build-failed`. */
export type BuildScript = (table: TableOffer) => Promise<BuiltScript>

const limitMs = 60_000

/** A process of its own: the edge's sources are none of the control plane's, and bundling would hold its event loop up. */
export function buildInProcess(stopped: AbortSignal): BuildScript {
  const program = fileURLToPath(new URL('../../edge-worker/host/build.ts', import.meta.url))
  return async (table) => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-edge-'))
    try {
      const tableFile = join(folder, 'table.json')
      await writeFile(tableFile, JSON.stringify(table))
      const args = [program, '--table', tableFile, '--out', folder]
      // Without our environment: it holds secrets, and a build needs none of them.
      await promisify(execFile)(process.execPath, args, { env: {}, timeout: limitMs, signal: stopped })
      return await readScript(folder)
    } catch (cause) {
      throw problems['edge-build-failed']({ because: lastLine(cause), cause })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

type Described = Omit<BuiltScript, 'modules'> & { readonly modules: readonly string[] }

/** What `edge-worker/host/build.ts` left; the two are of one release, so its word is taken as it is. */
async function readScript(folder: string): Promise<BuiltScript> {
  const read = (name: string) => readFile(join(folder, name), 'utf8')
  const { modules, ...script } = JSON.parse(await read('script.json')) as Described
  return { ...script, modules: await Promise.all(modules.map(async (name) => ({ name, content: await read(name) }))) }
}

function lastLine(cause: unknown): string {
  const { stderr } = cause as { stderr?: unknown }
  const lines = typeof stderr === 'string' ? stderr.trim().split('\n') : []
  return (lines.find((line) => /Error|Problem/.test(line)) ?? String(cause)).slice(0, 300)
}
