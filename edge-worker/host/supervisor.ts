import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, systemClock } from '#server-kit/clock.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import { type ListeningSocket, openListeningSocket } from '#server-kit/listening-socket.ts'
import type { Log } from '#server-kit/log.ts'
import { type Random, systemRandom } from '#server-kit/random.ts'
import type { Launch } from './launch.ts'
import { MemoryWatch } from './memory-watch.ts'
import { endOrphans } from './orphans.ts'
import { residentBytes } from './resident-memory.ts'
import type { RunFolder } from './run-folder.ts'
import { type ChildState, WorkerdChild } from './workerd-child.ts'

/** Why a process was started that was not the first of its slot; also metric labels. */
export const restartReasons = ['ended', 'memory', 'reload', 'asked'] as const
export type RestartReason = (typeof restartReasons)[number]

export interface SupervisorSettings {
  readonly launch: Launch
  readonly folder: RunFolder
  readonly log: Log
  readonly onRestart?: (reason: RestartReason) => void
  readonly clock?: Clock
  readonly random?: Random
}

/** One place for a process: who holds it, and who is about to. */
interface Slot {
  readonly name: number
  readonly memory: MemoryWatch
  child: WorkerdChild | undefined
  /** What `child` runs. */
  launch: Launch | undefined
  replacing: boolean
  restarting: boolean
  failures: number
  startedMs: number
}

const firstBackOffMs = 100
const mostBackOffMs = 5_000
/** A child that served this long was well: the next failure is a new one. */
const wellAfterMs = 10_000
const memoryLookMs = 1_000

/**
 * Holds the listening socket and keeps N workerd processes accepting from it. One that dies is started again, while
 * connections wait in the socket's queue; one that is to go is replaced by starting its successor first.
 */
export class Supervisor implements Part {
  readonly name = 'workerd supervisor'
  readonly #settings: SupervisorSettings
  readonly #clock: Clock
  readonly #slots: readonly Slot[]
  /** Those that drain, too. */
  readonly #living = new Set<WorkerdChild>()
  readonly #restarts = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  /** Above it a process is replaced in order. */
  memoryCeilingBytes: number
  /** What new processes are started with: it served once. */
  #launch: Launch
  #socket: ListeningSocket | undefined
  #rolling: Promise<unknown> = Promise.resolve()
  #telling = Promise.resolve()
  #looking: NodeJS.Timeout | undefined

  constructor(settings: SupervisorSettings) {
    this.#settings = settings
    this.#clock = settings.clock ?? systemClock
    this.#launch = settings.launch
    this.memoryCeilingBytes = settings.launch.config.memoryCeilingBytes
    this.#slots = Array.from({ length: settings.launch.config.workers }, (_, name) => ({
      name,
      memory: new MemoryWatch(),
      child: undefined,
      launch: undefined,
      replacing: false,
      restarting: false,
      failures: 0,
      startedMs: 0,
    }))
  }

  async start(): Promise<void> {
    const { folder, launch, log } = this.#settings
    const { host, port } = launch.config.listen
    await endOrphans(folder, log)
    await folder.open()
    this.#socket = await openListeningSocket(host, port)
    // All are waited for, also after a failure: none may come up behind the back of who ends them.
    const filled = await Promise.allSettled(this.#slots.map((slot) => this.#fill(slot)))
    for (const one of filled) if (one.status === 'rejected') throw one.reason
    this.#looking = setInterval(() => this.#lookAtMemory(), memoryLookMs)
  }

  /** `host:port` that clients reach. */
  get address(): string {
    return `${this.#launch.config.listen.host}:${this.#socket?.port ?? 0}`
  }

  /** Process ids by slot; undefined while a slot is empty. */
  get pids(): readonly (number | undefined)[] {
    return this.#slots.map(({ child }) => child?.pid)
  }

  /** Resident memory by slot; undefined where it cannot be seen. */
  get residentBytes(): readonly (number | undefined)[] {
    return this.pids.map((pid) => (pid === undefined ? undefined : residentBytes(pid)))
  }

  /** What each process does that lives. */
  get states(): readonly ChildState[] {
    return [...this.#living].map((child) => child.state)
  }

  /**
   * From now on processes are started with `launch`, and those that run another one (`asked`: all) are replaced, one after
   * the other: the successor is ready before its forerunner drains. The first that does not become ready ends it, and the rest
   * is left alone. Resolves with how many run `launch`; 0 = it is refused, and all goes on as before.
   */
  roll(launch: Launch, reason: RestartReason): Promise<number> {
    const runs = (slot: Slot) => (reason === 'asked' ? slot.launch === launch : slot.launch?.digest === launch.digest)
    return this.#queue(async () => {
      for (const slot of this.#slots) {
        if (runs(slot)) continue
        if (!(await this.#replace(slot, launch, reason))) break
        this.#launch = launch
      }
      const running = this.#slots.filter(runs).length
      if (running === this.#slots.length) await this.#cleanFolder(launch)
      return running
    })
  }

  /** No new connection; the requests under way end. */
  async drain(): Promise<void> {
    clearInterval(this.#looking)
    this.#stopping.abort()
    this.#socket?.refuse()
    await Promise.all([...this.#living].map((child) => child.drain(this.#launch.config.drainMs)))
    await this.#rolling
    await Promise.all(this.#restarts)
    await this.#socket?.close()
    this.#socket = undefined
  }

  /** Also after a start that failed half-way. */
  async stop(): Promise<void> {
    await this.drain()
    await this.#tellChildren()
  }

  /** Starts a child for an empty slot. */
  async #fill(slot: Slot): Promise<void> {
    const launch = this.#launch
    const child = await this.#startChild(slot, launch)
    // A reload was faster.
    if (slot.child !== undefined) await child.retire(launch.config.drainMs)
    else this.#seat(slot, child, launch)
  }

  #seat(slot: Slot, child: WorkerdChild, launch: Launch): void {
    slot.child = child
    slot.launch = launch
    slot.startedMs = this.#clock.monotonic()
    void child.ended.then((how) => {
      if (slot.child !== child) return
      slot.child = undefined
      slot.launch = undefined
      // Its successor is on the way already.
      if (!slot.replacing) this.#refill(slot, how)
    })
  }

  async #startChild(slot: Slot, launch: Launch): Promise<WorkerdChild> {
    const { folder, log, random = systemRandom } = this.#settings
    const configFile = await folder.write(launch)
    const child = new WorkerdChild({
      binary: launch.binary,
      fd: this.#socket?.fd ?? -1,
      configFile,
      env: folder.secrets(launch),
      token: folder.token,
      ring: launch.controlRing,
      clock: this.#clock,
      random,
      log: log.child({ slot: slot.name }),
    })
    this.#living.add(child)
    void child.ended.then(() => {
      this.#living.delete(child)
      return this.#tellChildren()
    })
    await this.#tellChildren()
    // Told to stop meanwhile: nobody else would end it.
    if (this.#stopping.signal.aborted) await child.drain(0)
    try {
      await child.ready()
    } catch (cause) {
      await child.drain(0)
      throw cause
    }
    return child
  }

  /** Connections wait in the socket's queue, or go to the other children. */
  #refill(slot: Slot, how: string): void {
    if (slot.restarting) return
    slot.restarting = true
    const restart = this.#restart(slot, how).finally(() => {
      slot.restarting = false
      this.#restarts.delete(restart)
    })
    this.#restarts.add(restart)
  }

  async #restart(slot: Slot, how: string): Promise<void> {
    const { log, onRestart } = this.#settings
    const { signal } = this.#stopping
    if (this.#clock.monotonic() - slot.startedMs > wellAfterMs) slot.failures = 0
    for (let reason: unknown = how; slot.child === undefined && !signal.aborted; ) {
      const waitMs = Math.min(firstBackOffMs * 2 ** slot.failures++, mostBackOffMs)
      log.warn({ slot: slot.name, how: reason, waitMs }, 'a workerd process ended and is started again')
      await pause(waitMs, undefined, { signal }).catch(() => {
        // Told to stop: the loop ends.
      })
      if (signal.aborted) return
      try {
        await this.#fill(slot)
        onRestart?.('ended')
      } catch (cause) {
        reason = cause
      }
    }
  }

  async #replace(slot: Slot, launch: Launch, reason: RestartReason): Promise<boolean> {
    const { log, onRestart } = this.#settings
    if (this.#stopping.signal.aborted) return false
    slot.replacing = true
    const facts = { slot: slot.name, reason }
    try {
      const successor = await this.#startChild(slot, launch)
      const before = slot.child
      this.#seat(slot, successor, launch)
      log.info({ ...facts, before: before?.pid, child: successor.pid }, 'a workerd process is replaced')
      onRestart?.(reason)
      await before?.retire(this.#launch.config.drainMs)
      return true
    } catch (err) {
      log.error({ ...facts, err }, 'a workerd process is not replaced: its successor does not start')
      return false
    } finally {
      slot.replacing = false
      if (slot.child === undefined) this.#refill(slot, 'ended before its successor was ready')
    }
  }

  #lookAtMemory(): void {
    const now = this.#clock.monotonic()
    const ceilingBytes = this.memoryCeilingBytes
    for (const slot of this.#slots) {
      const pid = slot.child?.pid
      const rssBytes = slot.replacing || pid === undefined ? undefined : residentBytes(pid)
      if (rssBytes === undefined || !slot.memory.outgrown(rssBytes, ceilingBytes, now)) continue
      slot.memory.tried(now)
      this.#settings.log.warn({ slot: slot.name, pid, rssBytes, ceilingBytes }, 'a workerd process outgrew its memory')
      // `#replace` tells its own failures.
      void this.#queue(async () => {
        // In the meantime a reload may have replaced it.
        if (slot.child?.pid === pid) await this.#replace(slot, this.#launch, 'memory')
      })
    }
  }

  async #cleanFolder(launch: Launch): Promise<void> {
    const { folder, log } = this.#settings
    try {
      await folder.clean(launch)
    } catch (err) {
      log.warn({ err }, 'files of former workerd processes could not be removed')
    }
  }

  /** One at a time: while one is replaced, all the others serve. */
  #queue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#rolling.then(work)
    this.#rolling = done.catch(() => undefined)
    return done
  }

  /**
   * One write after the other, each with what is true then: two children start at once, and the last write stays. Never
   * rejects: without the list a killed supervisor leaves orphans, and nothing worse.
   */
  #tellChildren(): Promise<void> {
    const { folder, log } = this.#settings
    this.#telling = this.#telling.then(async () => {
      try {
        await folder.tellChildren([...this.#living].map(({ pid }) => pid))
      } catch (err) {
        log.warn({ err }, 'the list of workerd processes could not be written')
      }
    })
    return this.#telling
  }
}
