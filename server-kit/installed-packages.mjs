/** Keeps node_modules equal to the lock file. Plain JavaScript for any Node >= 20. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CannotStart, environmentFor } from './find-node.mjs'
import { withLock } from './folder-lock.mjs'

const progressEveryMs = 5000

/** Runs `npm ci` on `node` when the lock file is not the one that was installed last; else it reads two small files. */
export async function installPackages({ root, node, log }) {
  const lockText = await readFile(join(root, 'package-lock.json'), 'utf8')
  const digest = createHash('sha256').update(lockText).digest('hex')
  const stamp = join(root, 'node_modules', '.tidegate-lock')
  const isStamped = async () => (await read(stamp)) === digest
  if (await isStamped()) return

  await mkdir(join(root, '.tidegate'), { recursive: true })
  await withLock(join(root, '.tidegate', 'packages.lock'), log, async () => {
    if (await isStamped()) return
    if (!(await isInstalled(root, lockText))) await npmCi(root, node, log)
    await writeFile(stamp, digest)
  })
}

/** True after an `npm install` or `npm ci` typed by hand: npm keeps a list of what it put there. */
async function isInstalled(root, lockText) {
  const kept = await read(join(root, 'node_modules', '.package-lock.json'))
  if (kept === undefined) return false
  const wanted = Object.entries(JSON.parse(lockText).packages).filter(([path]) => path !== '')
  const installed = JSON.parse(kept).packages
  // Packages for other platforms are optional and stay away.
  const same = wanted.every(([path, { version, optional }]) => {
    const here = installed[path]
    return here === undefined ? optional === true : here.version === version
  })
  const known = new Set(wanted.map(([path]) => path))
  return same && Object.keys(installed).every((path) => known.has(path))
}

async function npmCi(root, node, log) {
  log('installing packages (npm ci)')
  const started = Date.now()
  const timer = setInterval(async () => {
    const folders = await readdir(join(root, 'node_modules')).catch(() => [])
    log(`installing packages: ${Math.round((Date.now() - started) / 1000)} s, ${folders.length} folders`)
  }, progressEveryMs)
  try {
    const code = await new Promise((resolve, reject) => {
      const child = spawn('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
        cwd: root,
        // Where a company's own authority signs for the registry, the system knows it and Node alone does not.
        env: { NODE_USE_SYSTEM_CA: '1', ...environmentFor(node) },
        stdio: 'inherit',
      })
      child.once('error', reject).once('close', resolve)
    })
    if (code !== 0) throw new CannotStart(`npm ci failed (exit code ${code}); see its lines above`)
  } finally {
    clearInterval(timer)
  }
  log(`packages installed in ${Math.round((Date.now() - started) / 1000)} s`)
}

async function read(path) {
  try {
    return await readFile(path, 'utf8')
  } catch {
    // Not there is as good as old: it is made anew.
    return undefined
  }
}
