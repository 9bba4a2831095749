/** A process from start to end: parts start in order, drain from the front, stop in reverse, each under a deadline. */
import { Problem } from '#routes/problem.ts'
import { problems } from './errors.ts'
import type { Log } from './log.ts'

export interface Part {
  readonly name: string
  /** Ready when it resolves. A failure stops what was started before it. */
  start?(): Promise<void>
  /** Takes no new work and resolves when the work under way is done. */
  drain?(): Promise<void>
  /** Gives back what it holds. Called only if it was started. */
  stop?(): Promise<void>
}

export interface Deadlines {
  /** Each default 30,000 ms. */
  readonly startMs: number
  readonly drainMs: number
  readonly stopMs: number
}

export type LifecycleState = 'starting' | 'ready' | 'draining' | 'stopped'
type Verb = 'start' | 'drain' | 'stop'

/** Add a part after the parts that it needs, the listener last: then it drains first and nothing stops under it. */
export class Lifecycle {
  readonly #log: Log
  readonly #deadlines: Deadlines
  readonly #parts: Part[] = []
  readonly #started: Part[] = []
  #state: LifecycleState = 'starting'
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #stopReason = ''
  #clean = true

  constructor(log: Log, deadlines: Partial<Deadlines> = {}) {
    this.#log = log
    this.#deadlines = { startMs: 30_000, drainMs: 30_000, stopMs: 30_000, ...deadlines }
  }

  get state(): LifecycleState {
    return this.#state
  }

  /** False once a part failed to drain or stop, or was too slow. */
  get clean(): boolean {
    return this.#clean
  }

  add(part: Part): this {
    if (this.#starting !== undefined)
      throw problems['part-out-of-turn']({ state: this.#state, verb: `take the part ${part.name}` })
    this.#parts.push(part)
    return this
  }

  /** Resolves when all parts are ready. If one fails, those before it are stopped and its failure is thrown. */
  async start(): Promise<void> {
    if (this.#starting !== undefined) throw problems['part-out-of-turn']({ state: this.#state, verb: 'start' })
    this.#starting = this.#startParts()
    try {
      await this.#starting
    } catch (cause) {
      await this.stop('a part failed to start')
      throw cause
    }
  }

  /** Drains and stops everything that was started; a second call waits for the first. Never throws. */
  stop(reason: string): Promise<void> {
    this.#stopReason ||= reason
    this.#stopping ??= this.#stopParts(reason)
    return this.#stopping
  }

  async #startParts(): Promise<void> {
    for (const part of this.#parts) {
      if (this.#stopping !== undefined) throw problems['stopped-while-starting']({ reason: this.#stopReason })
      // Counted as started before it is: what a failed start left open is closed by its own stop.
      this.#started.push(part)
      await this.#under('start', part)
    }
    if (this.#stopping !== undefined) return
    this.#state = 'ready'
    this.#log.info({ parts: this.#parts.length }, 'ready')
  }

  async #stopParts(reason: string): Promise<void> {
    this.#state = 'draining'
    this.#log.info({ reason }, 'draining')
    // A start under way ends first; it sees `#stopping` before its next part. Its failure is told by `start`.
    await this.#starting?.catch(() => undefined)
    const fromTheFront = this.#started.toReversed()
    for (const part of fromTheFront) await this.#without('drain', part)
    for (const part of fromTheFront) await this.#without('stop', part)
    this.#state = 'stopped'
    this.#log.info({ reason, clean: this.#clean }, 'stopped')
  }

  /** One part that does not end must not keep the others from ending. */
  async #without(verb: Verb, part: Part): Promise<void> {
    try {
      await this.#under(verb, part)
    } catch (cause) {
      this.#clean = false
      this.#log.error({ part: part.name, verb, err: cause }, 'a part did not end in order')
    }
  }

  async #under(verb: Verb, part: Part): Promise<void> {
    const work = part[verb]?.()
    if (work === undefined) return
    const deadlineMs = this.#deadlines[`${verb}Ms`]
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(problems['part-too-slow']({ part: part.name, verb, deadlineMs })), deadlineMs)
    })
    try {
      await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Under npm one Ctrl-C comes several times: from the terminal, from npm, from the bootstrap. It is one wish. */
const sameKeyMs = 300

/**
 * Starts, runs until SIGTERM or SIGINT, stops in order and ends the process: 0 after an orderly end, else 1.
 * A second signal ends it at once. An exception that nobody caught ends it in order, too: its state cannot be trusted.
 */
export function runUntilSignal(lifecycle: Lifecycle, log: Log): Promise<void> {
  return run(lifecycle, log, undefined)
}

/**
 * The same for a process that another one commands: it ends when `asked` resolves, with the reason. Signals that a terminal
 * or a process group gives to all at once are left to the one in command.
 */
export function runUntilAsked(lifecycle: Lifecycle, log: Log, asked: Promise<string>): Promise<void> {
  return run(lifecycle, log, asked)
}

async function run(lifecycle: Lifecycle, log: Log, asked: Promise<string> | undefined): Promise<void> {
  let failed = false
  let askedAtMs = Number.POSITIVE_INFINITY
  const ended = Promise.withResolvers<void>()

  const end = async (reason: string): Promise<void> => {
    await lifecycle.stop(reason)
    ended.resolve()
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    const now = performance.now()
    if (now - askedAtMs > sameKeyMs) process.exit(1)
    askedAtMs = Math.min(askedAtMs, now)
    void end(signal)
  }
  const onStray = (err: unknown): void => {
    failed = true
    log.error({ err }, 'nobody caught this')
    void end('an exception that nobody caught')
  }
  const leave = (): void => {
    // See `runUntilAsked`.
  }
  const heed = asked === undefined ? onSignal : leave
  process.on('SIGTERM', heed).on('SIGINT', heed)
  void asked?.then(end)
  process.on('uncaughtException', onStray).on('unhandledRejection', onStray)

  try {
    await lifecycle.start()
  } catch (cause) {
    // Being told to stop while starting is an orderly end.
    if (!(cause instanceof Problem && cause.code === 'stopped-while-starting')) {
      failed = true
      log.error(
        cause instanceof Problem ? { code: cause.code, fix: cause.fix, err: cause } : { err: cause },
        'the start failed',
      )
    }
    await end('the start failed')
  }
  await ended.promise
  process.exit(failed || !lifecycle.clean ? 1 : 0)
}
