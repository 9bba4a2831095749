import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
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
import { tellLines } from './told-lines.ts'
import { sockets } from './workerd-config.ts'

export type ChildState = 'starting' | 'ready' | 'draining' | 'gone'

export interface ChildSettings {
  /** Path of workerd. */
  readonly binary: string
  /** Of the listening socket; the child accepts from it. */
  readonly fd: number
  readonly configFile: string
  /** Secrets that the configuration takes from the environment. */
  readonly env: Readonly<Record<string, string>>
  /** Opens its door for the supervisor. */
  readonly token: string
  /** Signs the question whether it is ready. */
  readonly ring: KeyRing
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const readyLimitMs = 5_000
const askEveryMs = 10
const askLimitMs = 1_000
/** For which requests are held: whoever uses this process with any pause shorter than that is in flight then. */
const gatherMs = 50
/** From SIGTERM on: the process has to see it before it answers what it held. */
const releaseMs = 20
const holdLimitMs = 1_000

/** One workerd process: `starting` until its signed status answers, `ready`, `draining` after SIGTERM, `gone`. */
export class WorkerdChild {
  readonly #settings: ChildSettings
  readonly #process: ChildProcess
  readonly #ports: Promise<ChildPorts>
  /** Resolves with how it ended; never rejects. */
  readonly ended: Promise<string>
  #state: ChildState = 'starting'

  constructor(settings: ChildSettings) {
    this.#settings = settings
    const args = ['serve', settings.configFile, `--socket-fd=${sockets.traffic}=3`, '--control-fd=4']
    // The child sees no variable of ours but its own: whatever it could leak, it does not have.
    const child = spawn(settings.binary, args, {
      env: { ...settings.env },
      stdio: ['ignore', 'pipe', 'pipe', settings.fd, 'pipe'],
    })
    this.#process = child
    this.#ports = childPorts(child.stdio[4] as Readable)
    // Nobody may be asking any more when the child ends before it listens; `ready` sees the end by itself.
    this.#ports.catch(() => undefined)
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#state = 'gone'
        resolve(how)
      }
      child.once('error', (error) => end(error.message)).once('exit', (code, signal) => end(String(signal ?? code)))
    })
    for (const stream of [child.stdout, child.stderr]) tellLines(stream as Readable, settings.log, settings.clock)
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

  /** When its successor accepts already: `drain`, but nobody who uses it finds a closed connection (see `holdable.ts`). */
  async retire(limitMs: number): Promise<void> {
    const release = this.#state === 'ready' ? await this.#hold() : undefined
    if (release !== undefined) await pause(gatherMs)
    const drained = this.drain(limitMs)
    if (release !== undefined) void pause(releaseMs).then(release)
    await drained
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

  /** What ends the hold; undefined when it could not be had. */
  async #hold(): Promise<(() => void) | undefined> {
    const { log, token } = this.#settings
    try {
      const { hold } = await this.#ports
      const headers = { authorization: `Bearer ${token}` }
      const signal = AbortSignal.timeout(holdLimitMs)
      const asked = request({ host: '127.0.0.1', port: hold, method: 'POST', headers, agent: false, signal })
      // The process may end while it is held: then there is nobody to be released.
      asked.on('error', (err) => log.debug({ err }, 'the hold of a workerd process ended'))
      asked.flushHeaders()
      const [response] = (await once(asked, 'response')) as [IncomingMessage]
      response.on('error', () => undefined).resume()
      return () => asked.end()
    } catch (err) {
      log.warn({ err }, 'a workerd process could not be told to hold its requests; some may find it closed')
      return undefined
    }
  }

  async #answers(deadline: AbortSignal): Promise<void> {
    const { supervisor } = await this.#ports
    while (!deadline.aborted && this.#state === 'starting' && !(await this.#asked(supervisor))) await pause(askEveryMs)
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

interface ChildPorts {
  readonly supervisor: number
  readonly hold: number
}

/** workerd tells on its control descriptor, one JSON a line, what it listens on. */
async function childPorts(control: Readable): Promise<ChildPorts> {
  const ports = new Map<string, number>()
  for await (const line of createInterface(control)) {
    const { event, socket, port } = JSON.parse(line) as { event?: string; socket?: string; port?: number }
    if (event === 'listen' && socket !== undefined && port !== undefined) ports.set(socket, port)
    const [supervisor, hold] = [ports.get(sockets.supervisor), ports.get(sockets.hold)]
    if (supervisor === undefined || hold === undefined) continue
    control.resume()
    return { supervisor, hold }
  }
  throw problems['workerd-not-ready']({ limitMs: readyLimitMs, reason: 'it did not say where it listens' })
}
