/** What a sample service executed, one JSON line each, written before the call returns: what an answer claims is told. */
import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

const limitBytes = 128 * 1024 * 1024

export class ExecutionLog {
  readonly #file: string
  #fd: number
  #bytes: number

  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true })
    this.#file = file
    this.#fd = openSync(file, 'a', 0o600)
    this.#bytes = statSync(file).size
  }

  add(execution: object): void {
    const line = `${JSON.stringify(execution)}\n`
    this.#bytes += writeSync(this.#fd, line)
    if (this.#bytes > limitBytes) this.#turn()
  }

  close(): void {
    closeSync(this.#fd)
  }

  /** The full file becomes `<file>.1`, the one before it is gone. */
  #turn(): void {
    closeSync(this.#fd)
    renameSync(this.#file, `${this.#file}.1`)
    this.#fd = openSync(this.#file, 'a', 0o600)
    this.#bytes = 0
  }
}
