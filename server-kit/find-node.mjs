/** Finds a Node that runs TypeScript as it stands, or installs one for Tidegate alone. Plain JavaScript for any Node >= 20. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { withLock } from './folder-lock.mjs'

const run = promisify(execFile)
const oldestMajor = 24

/** What a person can mend: told in one line, without a stack. */
export class CannotStart extends Error {}

/**
 * Where this system keeps its state: `TIDEGATE_HOME`, default `.tidegate`. A relative path begins at the repository, as
 * npm starts everything there: a command that is typed in a subfolder means the same system.
 */
export function homeOf(root, env = process.env) {
  return resolve(root, env.TIDEGATE_HOME || '.tidegate')
}

/** `env` with the folder of `node` first in PATH, so that npm and every script below run on it. */
export function environmentFor(node, env = process.env) {
  return { ...env, PATH: `${dirname(node)}:${env.PATH ?? ''}` }
}

/**
 * Path of a Node >= 24: the running one, the one installed before, or the exact platform package, fetched now and
 * checked against node-packages.json. Throws `CannotStart` where there is none.
 *
 * @param {{ root: string, log: (line: string) => void }} options
 * @returns {Promise<string>}
 */
export async function findNode({ root, log }) {
  if (Number.parseInt(process.versions.node, 10) >= oldestMajor) return process.execPath
  const { version, packages } = await readLock()
  const platform = `${process.platform}-${process.arch}`
  const found = packages[platform]
  if (found === undefined) throw noNode(`there is no package of Node ${version} for ${platform}`)

  const runtime = join(homeOf(root), 'runtime')
  const folder = join(runtime, `node-${version}-${platform}`)
  const node = join(folder, 'node_modules', found.name, 'bin', 'node')
  if (existsSync(node)) return node
  await mkdir(runtime, { recursive: true }).catch((cause) => {
    throw new CannotStart(`${runtime} cannot be made (${cause.code}); set TIDEGATE_HOME to a folder that you may write`)
  })
  await withLock(join(runtime, 'install.lock'), log, async () => {
    // Another start may have installed it while this one waited.
    if (!existsSync(node))
      await install({ name: found.name, version, integrity: found.integrity, runtime, folder, log })
  })
  return node
}

async function readLock() {
  const path = join(dirname(fileURLToPath(import.meta.url)), 'node-packages.json')
  return JSON.parse(await readFile(path, 'utf8'))
}

/** In a draft folder first: what stands in `folder` is whole, checked and runs. Called by one process at a time. */
async function install({ name, version, integrity, runtime, folder, log }) {
  await forgetDrafts(runtime)
  const draft = await mkdtemp(join(runtime, 'draft-'))
  try {
    log(`Node ${process.versions.node} is too old for Tidegate; fetching Node ${version} (about 50 MB) for it alone`)
    await npm(['pack', `${name}@${version}`, '--ignore-scripts', '--pack-destination', draft], draft)
    const archive = join(draft, `${name}-${version}.tgz`)
    const digest = createHash('sha512')
      .update(await readFile(archive))
      .digest('base64')
    if (`sha512-${digest}` !== integrity) {
      throw new CannotStart(
        `${name}@${version} is not the package that this version of Tidegate knows: refused, nothing was run`,
      )
    }
    log('its digest is right; unpacking')
    await npm(['install', '--no-save', '--ignore-scripts', '--offline', '--prefix', draft, archive], draft)
    await run(join(draft, 'node_modules', name, 'bin', 'node'), ['--version']).catch((cause) => {
      throw noNode(`Node ${version} from ${name} does not run on this machine (${firstLine(cause)})`)
    })
    await rm(archive)
    await rm(folder, { recursive: true, force: true })
    await rename(draft, folder)
    log(`Node ${version} is ready in ${runtime}`)
  } catch (cause) {
    await rm(draft, { recursive: true, force: true })
    throw cause instanceof CannotStart ? cause : noNode(`Node ${version} cannot be fetched (${firstLine(cause)})`)
  }
}

/** Of installs that were interrupted: 50 MB each, and nobody else would ever take them away. */
async function forgetDrafts(runtime) {
  const drafts = (await readdir(runtime)).filter((name) => name.startsWith('draft-'))
  await Promise.all(drafts.map((name) => rm(join(runtime, name), { recursive: true, force: true })))
}

/** In `cwd`, an empty folder, so that no project's .npmrc or package.json has a say. */
function npm(args, cwd) {
  return run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd, maxBuffer: 16 * 1024 * 1024 })
}

function noNode(reason) {
  return new CannotStart(`${reason}. Install Node ${oldestMajor} or newer (https://nodejs.org) and run this again.`)
}

function firstLine(cause) {
  const text = String(cause?.stderr || cause?.message || cause)
  return (
    text
      .split('\n')
      .find((line) => line.trim() !== '' && !line.includes(' warn '))
      ?.trim() ?? 'no reason given'
  )
}
