/** One at a time among processes: a folder that only one of them can make. Plain JavaScript for any Node >= 20. */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const waitLimitMs = 10 * 60_000
/** For holders on another machine (a shared disk), whose life cannot be asked about. */
const strangerLimitMs = 30 * 60_000

/** Runs `work` while no other process holds `path`. A holder that died is noticed and its lock taken away. */
export async function withLock(path, log, work) {
  const mine = await acquire(path, log)
  try {
    return await work()
  } finally {
    if ((await holder(path))?.id === mine) await rm(path, { recursive: true, force: true })
  }
}

async function acquire(path, log) {
  const id = randomUUID()
  const draft = `${path}.${id}`
  await mkdir(draft, { recursive: true })
  await writeFile(
    join(draft, 'holder.json'),
    JSON.stringify({ id, pid: process.pid, host: hostname(), at: Date.now() }),
  )
  const until = Date.now() + waitLimitMs
  let told = false
  try {
    while (!(await renamed(draft, path))) {
      const other = await holder(path)
      if (other !== undefined && isDead(other)) await takeAway(path, other)
      else if (Date.now() > until) throw new Error(`the lock ${path} is held by process ${other?.pid} for too long`)
      else {
        if (!told && other !== undefined) log(`process ${other.pid} is installing; waiting for it`)
        told ||= other !== undefined
        await pause(100)
      }
    }
    return id
  } catch (cause) {
    await rm(draft, { recursive: true, force: true })
    throw cause
  }
}

/** A rename onto a folder that is not empty fails, so the lock appears at once and with its holder's name in it. */
async function renamed(from, to) {
  try {
    await rename(from, to)
    return true
  } catch (cause) {
    if (['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(cause.code)) return false
    throw cause
  }
}

/** The dead one's lock goes aside under a name of its own: of several that notice, one succeeds. */
async function takeAway(path, dead) {
  const aside = `${path}.${randomUUID()}`
  if (!(await renamed(path, aside).catch(() => false))) return
  const taken = await holder(aside)
  // Somebody else was faster and holds it by now: it is theirs again.
  if (taken !== undefined && taken.id !== dead.id) await renamed(aside, path)
  await rm(aside, { recursive: true, force: true })
}

async function holder(path) {
  try {
    return JSON.parse(await readFile(join(path, 'holder.json'), 'utf8'))
  } catch {
    // Given back in this moment.
    return undefined
  }
}

function isDead({ pid, host, at }) {
  if (host !== hostname()) return Date.now() - at > strangerLimitMs
  try {
    process.kill(pid, 0)
    return false
  } catch (cause) {
    return cause.code === 'ESRCH'
  }
}
