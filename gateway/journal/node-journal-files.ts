import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises'
import type { JournalFile, JournalFiles } from './journal-files.ts'

/** The file system. Files are for the gateway's user alone. */
export const nodeJournalFiles: JournalFiles = {
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 })
  },
  list: (path) => readdir(path),
  open: async (path) => new NodeJournalFile(await open(path, 'r+')),
  create: async (path) => new NodeJournalFile(await open(path, 'wx+', 0o600)),
  remove: (path) => rm(path, { force: true }),
  syncFolder: async (path) => {
    const folder = await open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  },
}

class NodeJournalFile implements JournalFile {
  readonly #file: FileHandle

  constructor(file: FileHandle) {
    this.#file = file
  }

  async size(): Promise<number> {
    return (await this.#file.stat()).size
  }

  async read(into: Buffer, at: number): Promise<number> {
    let done = 0
    while (done < into.length) {
      const { bytesRead } = await this.#file.read(into, done, into.length - done, at + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return done
  }

  async write(bytes: Buffer, at: number): Promise<void> {
    // A disk that fills up takes a part and says so with the next call.
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, at + done)
      done += bytesWritten
    }
  }

  extend(bytes: number): Promise<void> {
    return this.#file.truncate(bytes)
  }

  sync(): Promise<void> {
    return this.#file.datasync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
