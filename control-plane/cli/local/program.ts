/** One program as a child of ours: started, waited for until it is ready, started again when it dies, stopped for certain. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { problems } from '../errors.ts'
import { ProgramLog } from './program-log.ts'

export interface ProgramSpec {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Made before it starts. */
  readonly folder?: string
  /** A log line with `"ready":true`, or a port that accepts connections. */
  readonly ready: 'line' | { readonly port: number }
  /** Default 20,000. */
  readonly readyMs?: number
  /** From SIGTERM to SIGKILL. Default 3,000. */
  readonly stopMs?: number
}

export interface Surroundings {
  /** Where its output goes: `<logs>/<name>.log`. */
  readonly logs: string
  /** One line for people. */
  readonly tell: (line: string) => void
  /** Called with each new process id, and with undefined when it has ended. */
  readonly onPid: (name: string, pid: number | undefined) => void
}

export type ProgramState = 'stopped' | 'starting' | 'ready' | 'waiting'

const firstPauseMs = 200
const longestPauseMs = 10_000
/** One that ran this long is well again: its next death is waited out as a first one. */
const wellAfterMs = 60_000
const lookEveryMs = 15

export class Program {
  readonly spec: ProgramSpec
  readonly #around: Surroundings
  readonly #log: ProgramLog
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #giveUp: (child: ChildProcess) => void = () => {}
  #state: ProgramState = 'stopped'
  #wanted = false
  #deaths = 0
  #startedAt = 0
  #again: NodeJS.Timeout | undefined

  constructor(spec: ProgramSpec, around: Surroundings) {
    this.spec = spec
    this.#around = around
    this.#log = new ProgramLog(around.logs, spec.name)
  }

  get name(): string {
    return this.spec.name
  }

  get state(): ProgramState {
    return this.#state
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  get logFile(): string {
    return this.#log.file
  }

  /** Resolves when it is ready. Throws `program-not-ready` with its last lines when it ends first or is late. */
  async start(): Promise<void> {
    if (this.#child !== undefined) return
    clearTimeout(this.#again)
    try {
      await this.#launch()
      // Only from here on: a program that never came up is told of by the throw, and not tried again.
      this.#wanted = true
    } catch (cause) {
      await this.stop()
      throw cause
    }
  }

  /** Tells the program itself, and none of its children; one that does not run hears nothing. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** SIGTERM, and SIGKILL to it and all its children when it is late: resolves when none of them is left. */
  async stop(): Promise<void> {
    await this.end('SIGTERM')
  }

  /** Ends it by this signal and leaves it ended until `start`: what a proof does to it. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#wanted = false
    clearTimeout(this.#again)
    this.#state = 'stopped'
    const child = this.#child
    if (child === undefined) return
    signalGroup(child, signal)
    const late = setTimeout(() => signalGroup(child, 'SIGKILL'), this.spec.stopMs ?? 3_000)
    // A process that the kernel does not let go must not keep the others from ending.
    const hopeless = setTimeout(() => this.#giveUp(child), (this.spec.stopMs ?? 3_000) + 2_000)
    await this.#ended
    clearTimeout(late)
    clearTimeout(hopeless)
  }

  async #launch(): Promise<void> {
    const { command, args, env, folder, ready } = this.spec
    if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#state = 'starting'
    this.#startedAt = performance.now()
    const output = this.#log.open()
    // A process group of its own: Ctrl-C reaches only us, so that the end has an order, and a group can be ended whole.
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
      env: { ...process.env, ...env },
    })
    output.close()
    this.#child = child
    this.#ended = this.#watch(child)
    this.#around.onPid(this.name, child.pid)
    await this.#untilReady(child, ready)
    if (this.#child === child) this.#state = 'ready'
  }

  async #untilReady(child: ChildProcess, ready: ProgramSpec['ready']): Promise<void> {
    const deadlineMs = this.spec.readyMs ?? 20_000
    const until = performance.now() + deadlineMs
    const isReady = ready === 'line' ? () => this.#log.saysReady() : () => accepts(ready.port)
    while (!(await isReady())) {
      const reason = this.#child !== child ? 'it ended' : performance.now() > until ? `not within ${deadlineMs} ms` : ''
      if (reason !== '')
        throw problems['program-not-ready']({
          name: this.name,
          reason,
          log: this.logFile,
          lines: this.#log.lastLines(8),
        })
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
    }
  }

  /** Resolves when the process has ended and its group is empty. */
  #watch(child: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      const onEnd = (how: string): void => {
        if (this.#child !== child) return
        // What it started itself must not outlive it and keep its ports.
        signalGroup(child, 'SIGKILL')
        this.#child = undefined
        this.#state = 'stopped'
        this.#around.onPid(this.name, undefined)
        if (this.#wanted) this.#startAgain(how)
        resolve()
      }
      child.once('exit', (code, signal) => onEnd(signal ?? `exit code ${code}`))
      child.once('error', (cause) => onEnd(cause.message))
      this.#giveUp = (given) => {
        if (given !== child || this.#child !== child) return
        this.#around.tell(`${this.name} (process ${child.pid}) does not end; it is left behind`)
        resolve()
      }
    })
  }

  #startAgain(how: string): void {
    if (performance.now() - this.#startedAt > wellAfterMs) this.#deaths = 0
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#deaths++)
    this.#state = 'waiting'
    this.#around.tell(`${this.name} ended (${how}); starting it again in ${pauseMs / 1000} s. Log: ${this.logFile}`)
    this.#again = setTimeout(() => void this.#relaunch(), pauseMs)
  }

  async #relaunch(): Promise<void> {
    if (!this.#wanted) return
    try {
      await this.#launch()
      this.#around.tell(`${this.name} is ready again`)
    } catch (cause) {
      // Its end was told and the next try is planned by `#watch`; one that hangs is ended so that it comes to that.
      const child = this.#child
      this.#around.tell((cause as Error).message)
      if (child !== undefined) signalGroup(child, 'SIGKILL')
    }
  }

  /** Keeps the log file within its limit; called now and then. */
  trimLog(): void {
    this.#log.trim()
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // Nobody is left in the group: that is what was wanted.
  }
}

/** Whether somebody accepts connections there. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 500 })
    const answer = (yes: boolean) => () => {
      socket.destroy()
      resolve(yes)
    }
    socket.once('connect', answer(true)).once('error', answer(false)).once('timeout', answer(false))
  })
}
