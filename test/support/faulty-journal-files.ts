/** A disk that is full, broken, slow or cut off while it writes, for whoever keeps a journal. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '#server-kit/random.ts'
import type { JournalFile, JournalFiles } from '../../gateway/journal/journal-files.ts'

export interface Faults {
  /** Bytes that still find room, in files that grow or are written; then each write fails with ENOSPC. Default: no limit. */
  roomBytes: number
  /** The nth call from now on (1: the next) of these kinds fails with EIO, once. 0: none. */
  failAt: number
  readonly failing: Set<'write' | 'sync' | 'read'>
  /** Each call of those kinds fails, until it is set back. */
  failAll: boolean
  /** Each sync takes this much longer, ms. */
  syncMs: number
  /**
   * The next write puts a part of its bytes down, up to where a sector of the disk (512 bytes) ends, since none is written in
   * half; then nothing is written any more, as if the process were killed there.
   */
  tearNext: boolean
  /** Nothing is written or synced any more, and nobody is told that it fails: they wait for ever. */
  dead: boolean
}

export interface FaultyJournalFiles {
  readonly files: JournalFiles
  readonly faults: Faults
  /** Lets go of all files that are open, as happens to those of a process that is killed. */
  release(): Promise<void>
}

/** Files of `inner` behind the faults, which may be changed at any time; `random` says where a torn write ends. */
export function faultyJournalFiles(inner: JournalFiles, random: Random): FaultyJournalFiles {
  const faults: Faults = {
    roomBytes: Number.POSITIVE_INFINITY,
    failAt: 0,
    failing: new Set(),
    failAll: false,
    syncMs: 0,
    tearNext: false,
    dead: false,
  }
  const open = new Set<JournalFile>()
  let released = false
  const wrap = async (file: JournalFile): Promise<JournalFile> => {
    // A call that was under way when the process was killed.
    if (released) {
      await file.close()
      return silence()
    }
    open.add(file)
    return new FaultyFile(file, faults, random, () => open.delete(file))
  }
  return {
    faults,
    release: async () => {
      released = true
      for (const file of open) await file.close()
      open.clear()
    },
    files: {
      ...inner,
      open: async (path) => wrap(await inner.open(path)),
      create: async (path) => {
        if (faults.dead) return silence()
        return wrap(await inner.create(path))
      },
      remove: (path) => (faults.dead ? silence() : inner.remove(path)),
    },
  }
}

const sectorBytes = 512

const silence = (): Promise<never> => new Promise(() => undefined)

function fault(code: 'EIO' | 'ENOSPC'): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code })
}

class FaultyFile implements JournalFile {
  readonly #file: JournalFile
  readonly #faults: Faults
  readonly #random: Random

  readonly #onClose: () => void

  constructor(file: JournalFile, faults: Faults, random: Random, onClose: () => void) {
    this.#file = file
    this.#faults = faults
    this.#random = random
    this.#onClose = onClose
  }

  size(): Promise<number> {
    return this.#file.size()
  }

  async read(into: Buffer, at: number): Promise<number> {
    this.#mayFail('read')
    return this.#file.read(into, at)
  }

  async write(bytes: Buffer, at: number): Promise<void> {
    const faults = this.#faults
    if (faults.dead) return silence()
    if (faults.tearNext) {
      faults.tearNext = false
      faults.dead = true
      const end = Math.floor((at + this.#random.next() * bytes.length) / sectorBytes) * sectorBytes
      await this.#file.write(bytes.subarray(0, Math.max(0, end - at)), at)
      return silence()
    }
    this.#mayFail('write')
    // Room that a file has already is not taken again.
    const grown = Math.max(0, at + bytes.length - (await this.#file.size()))
    if (grown > faults.roomBytes) throw fault('ENOSPC')
    faults.roomBytes -= grown
    return this.#file.write(bytes, at)
  }

  async extend(bytes: number): Promise<void> {
    if (this.#faults.dead) return silence()
    const grown = bytes - (await this.#file.size())
    if (grown > this.#faults.roomBytes) throw fault('ENOSPC')
    this.#faults.roomBytes -= grown
    return this.#file.extend(bytes)
  }

  async sync(): Promise<void> {
    if (this.#faults.dead) return silence()
    this.#mayFail('sync')
    if (this.#faults.syncMs > 0) await pause(this.#faults.syncMs)
    return this.#file.sync()
  }

  close(): Promise<void> {
    this.#onClose()
    return this.#file.close()
  }

  #mayFail(kind: 'write' | 'sync' | 'read'): void {
    const faults = this.#faults
    if (!faults.failing.has(kind)) return
    if (faults.failAll || (faults.failAt > 0 && --faults.failAt === 0)) throw fault('EIO')
  }
}
