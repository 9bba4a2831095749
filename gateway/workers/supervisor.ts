import { setTimeout as pause } from 'node:timers/promises'
import { Problem } from '#routes/problem.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import { type ListeningSocket, openListeningSocket } from '#server-kit/listening-socket.ts'
import type { Log } from '#server-kit/log.ts'
import { MemoryWatch } from './memory-watch.ts'
import { WorkerProcess } from './worker-process.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface SupervisorOptions {
  readonly configFile: string
  readonly listen: { readonly public: Address; readonly internal: Address }
  /** Of the ports that speak the Memcached protocol. */
  readonly ports?: readonly Address[]
  readonly workers: number
  /** Resident bytes above which a worker is replaced in order; Infinity: none. */
  readonly memoryLimitBytes: number
  /** From the word to the end of a worker, ms. */
  readonly drainMs: number
  /** An operator asked for the end of the gateway. */
  readonly onEnd: () => void
  readonly log: Log
}

/** One place for a worker: who holds it, and who is about to. */
interface Slot {
  readonly name: number
  worker: WorkerProcess | undefined
  memory: MemoryWatch
  replacing: boolean
  failures: number
  startedMs: number
}

const firstBackOffMs = 100
const mostBackOffMs = 5_000
/** A worker that served this long was well: its next end is a first one. */
const wellAfterMs = 10_000
/** Workers of a supervisor that was killed hold its sockets until their last request has ended. */
const takeOverMs = 10_000
const takeOverLookMs = 50

/**
 * Opens the listening sockets, hands them to N gateway processes, and keeps N of them serving. One is replaced by starting
 * its successor first; as the socket is the same, no connection is refused or lost between them.
 */
export class Supervisor implements Part {
  readonly name = 'gateway workers'
  readonly #options: SupervisorOptions
  readonly #slots: Slot[]
  readonly #stopping = new AbortController()
  readonly #restarts = new Set<Promise<void>>()
  #sockets: { readonly public: ListeningSocket; readonly internal: ListeningSocket } | undefined
  readonly #ports: ListeningSocket[] = []
  #rolling: Promise<unknown> = Promise.resolve()

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#slots = Array.from({ length: options.workers }, (_, name) => ({
      name,
      worker: undefined,
      memory: new MemoryWatch(options.memoryLimitBytes),
      replacing: false,
      failures: 0,
      startedMs: 0,
    }))
  }

  /** Addresses that all workers accept from, `http://host:port`. */
  get addresses(): { readonly public: string; readonly internal: string } {
    const { listen } = this.#options
    const at = (address: Address, socket: ListeningSocket | undefined) => `http://${address.host}:${socket?.port ?? 0}`
    return { public: at(listen.public, this.#sockets?.public), internal: at(listen.internal, this.#sockets?.internal) }
  }

  get pids(): readonly (number | undefined)[] {
    return this.#slots.map(({ worker }) => worker?.pid)
  }

  async start(): Promise<void> {
    const { listen } = this.#options
    const open = (address: Address) => takeOver(() => openListeningSocket(address.host, address.port))
    this.#sockets = { public: await open(listen.public), internal: await open(listen.internal) }
    for (const port of this.#options.ports ?? []) this.#ports.push(await open(port))
    // All are waited for, also after a failure: none may come up behind the back of who ends them.
    const filled = await Promise.allSettled(this.#slots.map((slot) => this.#fill(slot)))
    for (const one of filled) if (one.status === 'rejected') throw one.reason
  }

  /** Every worker reads its configuration again. */
  reload(): void {
    for (const { worker } of this.#slots) worker?.reload()
  }

  /**
   * Replaces every worker, one after the other. One whose successor does not become ready goes on serving, and the rest is
   * left alone: a release that cannot start takes nothing down. Resolves when it is done, with how many were replaced.
   */
  async roll(reason: string): Promise<number> {
    let replaced = 0
    for (const slot of this.#slots) {
      if (!(await this.#queue(() => this.#replace(slot, reason)))) break
      replaced++
    }
    this.#options.log.info({ reason, replaced, of: this.#slots.length }, 'workers were replaced')
    return replaced
  }

  /** All at once: nobody comes after them. Whoever connects when none accepts any more is refused, and not left waiting. */
  async drain(): Promise<void> {
    this.#stopping.abort()
    await this.#rolling
    await Promise.all(this.#restarts)
    const workers = this.#slots.flatMap(({ worker }) => worker ?? [])
    const ended = Promise.all(workers.map((worker) => worker.drain(this.#options.drainMs, false)))
    await Promise.all(workers.map((worker) => worker.notAccepting))
    this.#sockets?.public.refuse()
    this.#sockets?.internal.refuse()
    for (const port of this.#ports) port.refuse()
    await ended
  }

  /** Also after a start that failed half-way. */
  async stop(): Promise<void> {
    await this.drain()
    const ports = this.#ports.splice(0).map((port) => port.close())
    await Promise.all([this.#sockets?.public.close(), this.#sockets?.internal.close(), ...ports])
    this.#sockets = undefined
  }

  /** Starts a worker for an empty slot. */
  async #fill(slot: Slot): Promise<void> {
    slot.worker = await this.#startWorker(slot)
    this.#watch(slot, slot.worker)
  }

  async #startWorker(slot: Slot): Promise<WorkerProcess> {
    const { configFile, onEnd, log } = this.#options
    const fd = (socket: ListeningSocket | undefined) => socket?.fd ?? -1
    const worker = new WorkerProcess({
      configFile,
      sockets: { public: fd(this.#sockets?.public), internal: fd(this.#sockets?.internal), ports: this.#ports.map(fd) },
      onPulse: (from, rssBytes) => this.#pulse(slot, from, rssBytes),
      onEnd,
      onReload: () => this.reload(),
    })
    const { internal } = await worker.ready()
    slot.startedMs = performance.now()
    slot.memory = new MemoryWatch(this.#options.memoryLimitBytes)
    log.info({ slot: slot.name, worker: worker.pid, internal }, 'a worker serves')
    return worker
  }

  #watch(slot: Slot, worker: WorkerProcess): void {
    void worker.ended.then((how) => {
      if (slot.worker !== worker) return
      slot.worker = undefined
      // Its successor is on the way already.
      if (!slot.replacing) this.#refill(slot, how)
    })
  }

  /** Connections wait in the socket's queue, or go to the other workers. */
  #refill(slot: Slot, how: string): void {
    const restart = this.#restart(slot, how).finally(() => this.#restarts.delete(restart))
    this.#restarts.add(restart)
  }

  async #restart(slot: Slot, how: string): Promise<void> {
    const { log } = this.#options
    const { signal } = this.#stopping
    if (performance.now() - slot.startedMs > wellAfterMs) slot.failures = 0
    for (let reason: unknown = how; slot.worker === undefined && !signal.aborted; ) {
      const waitMs = Math.min(firstBackOffMs * 2 ** slot.failures++, mostBackOffMs)
      log.error({ slot: slot.name, how: reason, waitMs }, 'a worker ended and is started again')
      await pause(waitMs, undefined, { signal }).catch(() => {
        // Told to stop: the loop ends.
      })
      if (signal.aborted) return
      try {
        await this.#fill(slot)
      } catch (cause) {
        reason = cause
      }
    }
  }

  async #replace(slot: Slot, reason: string): Promise<boolean> {
    const { log, drainMs } = this.#options
    if (this.#stopping.signal.aborted) return false
    slot.replacing = true
    try {
      const successor = await this.#startWorker(slot)
      const before = slot.worker
      slot.worker = successor
      this.#watch(slot, successor)
      log.info({ slot: slot.name, reason, before: before?.pid, worker: successor.pid }, 'a worker is replaced')
      await before?.drain(drainMs, true)
      return true
    } catch (err) {
      log.error({ slot: slot.name, reason, err }, 'a worker is not replaced: its successor does not start')
      return false
    } finally {
      slot.replacing = false
      if (slot.worker === undefined) this.#refill(slot, 'ended before its successor was ready')
    }
  }

  #pulse(slot: Slot, from: WorkerProcess, rssBytes: number): void {
    if (slot.worker !== from || slot.replacing || !slot.memory.outgrown(rssBytes)) return
    const { log, memoryLimitBytes } = this.#options
    log.warn({ slot: slot.name, worker: from.pid, rssBytes, memoryLimitBytes }, 'a worker outgrew its memory')
    void this.#queue(() => this.#replace(slot, 'memory'))
  }

  /** One at a time: while one is replaced, all the others serve. */
  #queue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#rolling.then(work)
    // `#replace` tells its own failures.
    this.#rolling = done.catch(() => undefined)
    return done
  }
}

async function takeOver(open: () => Promise<ListeningSocket>): Promise<ListeningSocket> {
  const until = performance.now() + takeOverMs
  for (;;) {
    try {
      return await open()
    } catch (cause) {
      const taken = cause instanceof Problem && cause.facts['reason'] === 'EADDRINUSE'
      if (!taken || performance.now() > until) throw cause
      await pause(takeOverLookMs)
    }
  }
}
