/** Finds the system that a command is for: what was said, else the environment, else the one that runs nearby. */
import { readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Connection } from './connect.ts'
import { problems } from './errors.ts'

export interface Said {
  readonly url?: string | undefined
  readonly token?: string | undefined
}

/** How a system is asked, and what else is known of it. */
export interface Found extends Connection {
  /** Where its ports begin, when `npm start` runs it. */
  readonly portBase?: number
}

type Environment = Readonly<Record<string, string | undefined>>

/** What `demo.json` tells a command. */
export interface Nearby {
  readonly file: string
  readonly console: string
  readonly adminToken: string
  readonly edge: string
  readonly base?: number
}

/**
 * In this order: `--url`, `TIDEGATE_URL`, `$TIDEGATE_HOME/demo.json`, `.tidegate/demo.json` of this folder or one
 * above, or of the repository. A relative `TIDEGATE_HOME` begins at the repository. The token that is kept in a `demo.json` is sent to that very system and to no other.
 */
export function findSystem(said: Said, env: Environment, folder: string, root: string): Found {
  const nearby = findNearby(env, folder, root)
  const url = (said.url ?? nonEmpty(env['TIDEGATE_URL']) ?? nearby?.console)?.replace(/\/+$/, '')
  if (url === undefined) throw problems['system-not-found']({ looked: whereLooked(env, folder, root) })
  const own = nearby?.console === url ? nearby : undefined
  const token = said.token ?? nonEmpty(env['TIDEGATE_TOKEN']) ?? own?.adminToken
  if (token === undefined) throw problems['system-token-missing']({ url })
  return { url, token, ...(own?.base === undefined ? {} : { portBase: own.base }) }
}

/** The system that runs, or ran last, on this machine and from around here. */
export function findNearby(env: Environment, folder: string, root: string): Nearby | undefined {
  const home = nonEmpty(env['TIDEGATE_HOME'])
  if (home !== undefined) return readNearby(resolve(root, home, 'demo.json'))
  for (let at = folder; ; at = dirname(at)) {
    const found = readNearby(join(at, '.tidegate', 'demo.json'))
    if (found !== undefined) return found
    if (at === dirname(at)) return readNearby(join(root, '.tidegate', 'demo.json'))
  }
}

function whereLooked(env: Environment, folder: string, root: string): string {
  const home = nonEmpty(env['TIDEGATE_HOME'])
  return home === undefined ? `no .tidegate/demo.json from ${folder} upwards` : `no ${resolve(root, home, 'demo.json')}`
}

function readNearby(file: string): Nearby | undefined {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (stat === undefined) return undefined
  if ((stat.mode & 0o077) !== 0) throw problems['token-file-open']({ file, mode: (stat.mode & 0o777).toString(8) })
  try {
    const { console, adminToken, edge, base } = JSON.parse(readFileSync(file, 'utf8'))
    return typeof console === 'string' && typeof adminToken === 'string'
      ? { file, console, adminToken, edge: String(edge), ...(Number.isInteger(base) ? { base } : {}) }
      : undefined
  } catch {
    // Not ours, or broken: as good as none; `npm start` writes it anew.
    return undefined
  }
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)
