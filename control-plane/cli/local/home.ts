/** The folder that holds all state of a system on this machine. */
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { root } from '../root.ts'

/** `TIDEGATE_HOME`, else `.tidegate`; a relative path begins at the repository, as the bootstrap has it, too. */
export function homeOf(env: Readonly<Record<string, string | undefined>>): string {
  return resolve(root, env['TIDEGATE_HOME'] || '.tidegate')
}

/** What a system writes there. */
const state = ['control-plane', 'onprem', 'cloud', 'edge', 'keys', 'config', 'logs', 'demo.json']

/** Forgets all of it, and nothing else: the folder may be one that holds other things, too, or the Node that runs this. */
export async function forgetState(home: string): Promise<void> {
  for (const name of state) await rm(join(home, name), { recursive: true, force: true })
}
