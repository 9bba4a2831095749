import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { problems } from '../errors.ts'
import type { Command, Word } from './messages.ts'

export interface WorkerOptions {
  readonly configFile: string
  /** Descriptors of the listening sockets. */
  readonly sockets: { readonly public: number; readonly internal: number; readonly ports: readonly number[] }
  /** What it costs in memory, with each pulse. */
  readonly onPulse: (worker: WorkerProcess, rssBytes: number) => void
  /** What an operator wants of the whole gateway. */
  readonly onEnd: () => void
  readonly onReload: () => void
}

const readyLimitMs = 20_000
/** No pulse for so long: the event loop stands still, and nobody is served. */
const silenceMs = 30_000
const script = fileURLToPath(new URL('../main.ts', import.meta.url))

/** One process that accepts from the sockets of its supervisor. */
export class WorkerProcess {
  readonly #child: ChildProcess
  readonly #notAccepting = Promise.withResolvers<void>()
  readonly #told = Promise.withResolvers<{ public: string; internal: string }>()
  /** Resolves with how it ended; never rejects. */
  readonly ended: Promise<string>
  #watchdog: NodeJS.Timeout | undefined

  constructor({ configFile, sockets, onPulse, onEnd, onReload }: WorkerOptions) {
    const args = [
      '--disable-warning=ExperimentalWarning',
      ...process.execArgv,
      script,
      '--config',
      configFile,
      '--worker',
    ]
    this.#child = spawn(process.execPath, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', sockets.public, sockets.internal, ...sockets.ports],
    })
    this.#child.on('message', (word: Word) => {
      if (word.kind === 'ready') this.#told.resolve(word)
      if (word.kind === 'not-accepting') this.#notAccepting.resolve()
      if (word.kind === 'end') onEnd()
      if (word.kind === 'reload') onReload()
      if (word.kind !== 'pulse') return
      this.#watchdog ??= setTimeout(() => this.#child.kill('SIGKILL'), silenceMs)
      this.#watchdog.refresh()
      onPulse(this, word.rssBytes)
    })
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        clearTimeout(this.#watchdog)
        this.#notAccepting.resolve()
        resolve(how)
      }
      this.#child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`))
      this.#child.once('error', (cause) => end(cause.message))
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Resolves once it takes no new connection, or has ended. */
  get notAccepting(): Promise<void> {
    return this.#notAccepting.promise
  }

  /** Its addresses, when it serves. Throws `worker-not-ready` when it ends first or is late; it is ended then. */
  async ready(): Promise<{ readonly public: string; readonly internal: string }> {
    let late: NodeJS.Timeout | undefined
    const failed = new Promise<never>((_, reject) => {
      const fail = (reason: string) => reject(problems['worker-not-ready']({ reason }))
      late = setTimeout(() => fail(`not within ${readyLimitMs} ms`), readyLimitMs)
      void this.ended.then((how) => fail(`it ended (${how}); its own log lines say why`))
    })
    try {
      return await Promise.race([this.#told.promise, failed])
    } catch (cause) {
      this.#child.kill('SIGKILL')
      throw cause
    } finally {
      clearTimeout(late)
    }
  }

  reload(): void {
    this.#send({ kind: 'reload' })
  }

  /** The orderly end; SIGKILL when that takes longer than `limitMs`. Resolves when it has ended. */
  async drain(limitMs: number, relieved: boolean): Promise<void> {
    this.#send({ kind: 'drain', relieved })
    const late = setTimeout(() => this.#child.kill('SIGKILL'), limitMs)
    await this.ended
    clearTimeout(late)
  }

  /** It may have ended this moment: then there is nobody to tell, and `ended` says so. */
  #send(command: Command): void {
    if (this.#child.connected) this.#child.send(command, () => undefined)
  }
}
