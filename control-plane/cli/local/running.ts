/** One system a home: who runs it, and what a start that was killed left behind. */
import { randomUUID } from 'node:crypto'
import { link, readFile, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeSecretFile } from '#server-kit/secret.ts'
import { problems } from '../errors.ts'
import { hasMembers, type Identity, identify, isAlive } from './identity.ts'

export interface Running extends Identity {
  /** Where it can be reached, for who starts a second one. */
  readonly urls: readonly string[]
  /** Each leads a process group of its own. */
  readonly children: Readonly<Record<string, Identity>>
}

/** The claim of this process on a home. */
export class Claim {
  readonly #file: string
  #running: Running
  /** One write after the other: the last word must be the last on the disk. */
  #writing: Promise<void> = Promise.resolve()

  private constructor(file: string, running: Running) {
    this.#file = file
    this.#running = running
  }

  /** Throws `already-running`. What a killed start left running is ended first; `tell` is told. */
  static async take(home: string, tell: (line: string) => void): Promise<Claim> {
    const file = runningFile(home)
    const claim = new Claim(file, { ...identify(process.pid), urls: [], children: {} })
    while (!(await claim.#putAt(file))) {
      const other = await readRunning(home)
      if (other === undefined) continue
      if (isAlive(other)) throw problems['already-running']({ home, pid: other.pid, urls: other.urls.join('  ') })
      if (await claim.#inherit(home, other, tell)) break
      await sleep(lookEveryMs)
    }
    return claim
  }

  /** For who starts a second one. */
  announce(urls: readonly string[]): Promise<void> {
    return this.#change({ ...this.#running, urls })
  }

  /** Keeps the ids of the children current, so that even a killed start leaves nothing for good. */
  note(name: string, pid: number | undefined): Promise<void> {
    const { [name]: _, ...others } = this.#running.children
    const children = pid === undefined ? others : { ...others, [name]: identify(pid) }
    return this.#change({ ...this.#running, children })
  }

  #change(running: Running): Promise<void> {
    this.#running = running
    const now = text(running)
    const written = this.#writing.then(() => writeSecretFile(this.#file, now))
    // A failed write is told to its caller; the next one is tried all the same.
    this.#writing = written.catch(() => undefined)
    return written
  }

  async release(): Promise<void> {
    await this.#writing
    await unlink(this.#file)
  }

  /** Takes the place of one that died. Of several starts that see it, the one that makes the heir's file does. */
  async #inherit(home: string, dead: Running, tell: (line: string) => void): Promise<boolean> {
    const heir = `${this.#file}.heir-of-${dead.pid}-${dead.born}`
    if (!(await this.#putAt(heir))) {
      const rival = await readIdentity(heir)
      if (rival !== undefined && !isAlive(rival)) await rm(heir, { force: true })
      return false
    }
    try {
      const now = await readRunning(home)
      if (now?.pid !== dead.pid || now.born !== dead.born) return false
      await endLeftOvers(dead, tell)
      await writeSecretFile(this.#file, text(this.#running))
      return true
    } finally {
      await rm(heir, { force: true })
    }
  }

  /** A link and not a write: of two starts at one moment only one gets it, and it is whole when it is seen. */
  async #putAt(file: string): Promise<boolean> {
    const draft = `${this.#file}.${randomUUID()}`
    await writeSecretFile(draft, text(this.#running))
    try {
      await link(draft, file)
      return true
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw problems['home-unusable']({ path: file, reason: (cause as Error).message, cause })
    } finally {
      await unlink(draft)
    }
  }
}

/** Who runs from this home now, or did and was killed. */
export async function readRunning(home: string): Promise<Running | undefined> {
  return readIdentity(runningFile(home)) as Promise<Running | undefined>
}

async function readIdentity(file: string): Promise<Identity | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw problems['home-unusable']({ path: file, reason: (cause as Error).message, cause })
  }
}

const endedWithinMs = 2_000
const lookEveryMs = 10

const runningFile = (home: string): string => join(home, 'running.json')
const text = (running: Running): string => `${JSON.stringify(running, undefined, 2)}\n`

/** They hold the ports that this start wants: it goes on when they are gone. */
async function endLeftOvers(running: Running, tell: (line: string) => void): Promise<void> {
  const left = Object.entries(running.children).filter(([, child]) => isAlive(child))
  if (left.length === 0) return
  tell(`ending what a killed start left running: ${left.map(([name]) => name).join(', ')}`)
  for (const [, { pid }] of left) {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It ended by itself in between.
    }
  }
  const until = performance.now() + endedWithinMs
  while (left.some(([, { pid }]) => hasMembers(pid)) && performance.now() < until) {
    await sleep(lookEveryMs)
  }
}
