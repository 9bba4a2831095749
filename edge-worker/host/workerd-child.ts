import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { signCall } from '#routes/call.ts'
import { headers, paths } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import { problems } from './errors.ts'
import { sockets } from './workerd-config.ts'

export type ChildState = 'starting' | 'ready' | 'draining' | 'gone'

export interface ChildSettings {
  /** Of the listening socket; the child accepts from it. */
  readonly fd: number
  readonly configFile: string
  /** Secrets that the configuration takes from the environment. */
  readonly env: Readonly<Record<string, string>>
  /** Signs the question whether it is ready. */
  readonly ring: KeyRing
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Path of the binary; the package has no types. */
const workerd = (createRequire(import.meta.url)('workerd') as { default: string }).default

const readyLimitMs = 5_000
const askEveryMs = 10
const askLimitMs = 1_000
const lineLimit = 2_000

/** One workerd process: `starting` until its signed status answers, `ready`, `draining` after SIGTERM, `gone`. */
export class WorkerdChild {
  readonly #settings: ChildSettings
  readonly #process: ChildProcess
  readonly #port: Promise<number>
  /** Resolves with how it ended; never rejects. */
  readonly ended: Promise<string>
  #state: ChildState = 'starting'

  constructor(settings: ChildSettings) {
    this.#settings = settings
    const args = ['serve', settings.configFile, `--socket-fd=${sockets.traffic}=3`, '--control-fd=4']
    // The child sees no variable of ours but its own: whatever it could leak, it does not have.
    const child = spawn(workerd, args, {
      env: { ...settings.env },
      stdio: ['ignore', 'pipe', 'pipe', settings.fd, 'pipe'],
    })
    this.#process = child
    this.#port = supervisorPort(child.stdio[4] as Readable)
    // Nobody may be asking any more when the child ends before it listens; `ready` sees the end by itself.
    this.#port.catch(() => undefined)
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#state = 'gone'
        resolve(how)
      }
      child.once('error', (error) => end(error.message)).once('exit', (code, signal) => end(String(signal ?? code)))
    })
    for (const stream of [child.stdout, child.stderr]) tellLines(stream as Readable, settings.log)
  }

  get state(): ChildState {
    return this.#state
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Resolves when it serves; throws `workerd-not-ready` after 5 s or when it ended before. */
  async ready(): Promise<void> {
    const refuse = (reason: string) => problems['workerd-not-ready']({ limitMs: readyLimitMs, reason })
    const deadline = AbortSignal.timeout(readyLimitMs)
    const late = new Promise<never>((_, reject) =>
      deadline.addEventListener('abort', () => reject(refuse('it did not answer'))),
    )
    const died = this.ended.then((how) => Promise.reject(refuse(`it ended with ${how}`)))
    await Promise.race([this.#answers(deadline), late, died])
    if (this.#state === 'starting') this.#state = 'ready'
  }

  /** SIGTERM: takes no new connection and ends with its last request, or by SIGKILL after `limitMs`. */
  async drain(limitMs: number): Promise<void> {
    if (this.#state === 'gone') return
    this.#state = 'draining'
    this.#process.kill('SIGTERM')
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), limitMs)
    await this.ended
    clearTimeout(kill)
  }

  async #answers(deadline: AbortSignal): Promise<void> {
    const port = await this.#port
    while (!deadline.aborted && this.#state === 'starting' && !(await this.#asked(port))) await pause(askEveryMs)
  }

  async #asked(port: number): Promise<boolean> {
    const { ring, clock, random } = this.#settings
    const target = `${paths.edge}/status`
    const call = { method: 'GET', target, body: new Uint8Array(), audience: 'edge' }
    const signed = { [headers.call]: await signCall(call, ring, clock.now(), random.id()) }
    try {
      const response = await fetch(`http://127.0.0.1:${port}${target}`, {
        headers: signed,
        signal: AbortSignal.timeout(askLimitMs),
      })
      await response.body?.cancel()
      return response.status === 200
    } catch {
      // Not yet: it is asked again until the limit, and its own words are in the log.
      return false
    }
  }
}

/** workerd tells on its control descriptor, one JSON a line, what it listens on. */
async function supervisorPort(control: Readable): Promise<number> {
  for await (const line of createInterface(control)) {
    const told = JSON.parse(line) as { event?: string; socket?: string; port?: number }
    if (told.event === 'listen' && told.socket === sockets.supervisor && told.port !== undefined) {
      control.resume()
      return told.port
    }
  }
  throw problems['workerd-not-ready']({ limitMs: readyLimitMs, reason: 'it did not say where it listens' })
}

function tellLines(stream: Readable, log: Log): void {
  createInterface(stream).on('line', (line) => {
    if (line !== '') log.warn({ line: line.slice(0, lineLimit) }, 'workerd says')
  })
}
