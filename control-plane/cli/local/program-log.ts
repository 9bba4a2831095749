/** The output of a program in a bounded file. The program writes it by itself: nothing of it passes through us. */
import { closeSync, copyFileSync, fstatSync, mkdirSync, openSync, readSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

const limitBytes = 16 * 1024 * 1024
const lookBytes = 64 * 1024
const readyLine = /"ready":true/

export class ProgramLog {
  readonly file: string
  readonly #earlier: string
  #startOffset = 0

  constructor(folder: string, name: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.file = join(folder, `${name}.log`)
    this.#earlier = join(folder, `${name}.1.log`)
  }

  /** For a new process of the program, which appends; `saysReady` then looks only at what that process writes. */
  open(): { readonly fd: number; close(): void } {
    this.trim()
    const fd = openSync(this.file, 'a', 0o600)
    this.#startOffset = fstatSync(fd).size
    return { fd, close: () => closeSync(fd) }
  }

  /** Whether the running process has said that it is ready. */
  saysReady(): boolean {
    return readyLine.test(this.#read(this.#startOffset))
  }

  /** The end of what the running process wrote, for the message that says why it is not there. */
  lastLines(count: number): string {
    return this.#read(Math.max(this.#startOffset, this.#size() - lookBytes))
      .trimEnd()
      .split('\n')
      .slice(-count)
      .join('\n')
  }

  /** Above 16 MiB the text moves to `<name>.1.log`; the program goes on in the same file, which it only appends to. */
  trim(): void {
    if (this.#size() <= limitBytes) return
    copyFileSync(this.file, this.#earlier)
    truncateSync(this.file, 0)
    this.#startOffset = 0
  }

  #size(): number {
    return statSync(this.file, { throwIfNoEntry: false })?.size ?? 0
  }

  #read(offset: number): string {
    const fd = openSync(this.file, 'r')
    try {
      const bytes = Buffer.alloc(lookBytes)
      return bytes.toString('utf8', 0, readSync(fd, bytes, 0, lookBytes, offset))
    } finally {
      closeSync(fd)
    }
  }
}
