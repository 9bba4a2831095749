import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { KeyRing } from '#routes/seal.ts'
import { type Clock, systemClock } from '#server-kit/clock.ts'
import { readKeptJson, writeKeptFile } from '#server-kit/kept-file.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import { type ListeningSocket, openListeningSocket } from '#server-kit/listening-socket.ts'
import type { Log } from '#server-kit/log.ts'
import { type Random, systemRandom } from '#server-kit/random.ts'
import { bundleWorker } from './bundle.ts'
import type { EdgeConfig } from './config.ts'
import type { TableRelay } from './table-relay.ts'
import { WorkerdChild } from './workerd-child.ts'
import { secretVariables, workerdConfig } from './workerd-config.ts'

export interface SupervisorSettings {
  readonly config: EdgeConfig
  readonly version: string
  readonly relay: TableRelay
  readonly controlRing: KeyRing
  readonly log: Log
  readonly clock?: Clock
  readonly random?: Random
  /** For tests: a worker of their own. */
  readonly workerEntry?: string
}

const firstBackOffMs = 100
const mostBackOffMs = 5_000
/** A child that served this long was well: the next failure is a new one. */
const wellAfterMs = 10_000
const orphanLookMs = 20
const orphanLimitMs = 2_000
const configName = 'edge.capnp'
const childrenName = 'children.json'

/**
 * Holds the listening socket and keeps N workerd processes accepting from it. A process that dies is replaced, while
 * connections wait in the socket's queue.
 */
export class Supervisor implements Part {
  readonly name = 'workerd supervisor'
  readonly #settings: SupervisorSettings
  readonly #clock: Clock
  readonly #folder: string
  readonly #children = new Map<number, WorkerdChild>()
  readonly #keeping: Promise<void>[] = []
  #socket: ListeningSocket | undefined
  #codeFile = ''
  #keepingChildren = Promise.resolve()
  readonly #stopping = new AbortController()

  constructor(settings: SupervisorSettings) {
    this.#settings = settings
    this.#clock = settings.clock ?? systemClock
    this.#folder = join(settings.config.home, 'run')
  }

  async start(): Promise<void> {
    const { config, workerEntry } = this.#settings
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await this.#endOrphans()
    this.#socket = await openListeningSocket(config.listen.host, config.listen.port)
    const { code, digest } = await bundleWorker(workerEntry)
    this.#codeFile = `worker-${digest}.js`
    await writeKeptFile(join(this.#folder, this.#codeFile), code)
    const slots = Array.from({ length: config.workers }, (_, slot) => slot)
    const first = await Promise.all(slots.map((slot) => this.#startChild(slot)))
    for (const [slot, child] of first.entries()) this.#keeping.push(this.#keep(slot, child))
  }

  /** No new connection; the requests under way end. */
  async drain(): Promise<void> {
    this.#stopping.abort()
    this.#socket?.refuse()
    await Promise.all([...this.#children.values()].map((child) => child.drain(this.#settings.config.drainMs)))
    await Promise.all(this.#keeping)
    await this.#socket?.close()
    this.#socket = undefined
  }

  /** Also after a start that failed half-way. */
  async stop(): Promise<void> {
    await this.drain()
    this.#children.clear()
    await this.#keepChildren()
  }

  /** `host:port` that clients reach. */
  get address(): string {
    return `${this.#settings.config.listen.host}:${this.#socket?.port ?? 0}`
  }

  /** Process ids by slot. */
  get pids(): readonly (number | undefined)[] {
    return [...this.#children.values()].map((child) => child.pid)
  }

  /** Replaces the child of a slot each time it ends, later and later while it keeps failing. */
  async #keep(slot: number, first: WorkerdChild): Promise<void> {
    const { log } = this.#settings
    let child: WorkerdChild | undefined = first
    let failures = 0
    while (!this.#stopping.signal.aborted) {
      const startedAt = this.#clock.monotonic()
      const how = (await child?.ended) ?? 'no start'
      if (this.#stopping.signal.aborted) return
      if (this.#clock.monotonic() - startedAt > wellAfterMs) failures = 0
      const waitMs = Math.min(firstBackOffMs * 2 ** failures++, mostBackOffMs)
      log.warn({ slot, how, waitMs }, 'a workerd process ended and is replaced')
      await pause(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
      child = this.#stopping.signal.aborted ? undefined : await this.#tryStart(slot)
    }
  }

  async #tryStart(slot: number): Promise<WorkerdChild | undefined> {
    try {
      return await this.#startChild(slot)
    } catch (err) {
      this.#settings.log.warn({ slot, err }, 'a workerd process did not become ready')
      return undefined
    }
  }

  async #startChild(slot: number): Promise<WorkerdChild> {
    const { config, controlRing, log, random = systemRandom } = this.#settings
    const configFile = await this.#writeFiles()
    const fd = this.#socket?.fd ?? -1
    const child = new WorkerdChild({
      fd,
      configFile,
      env: this.#secrets(),
      ring: controlRing,
      clock: this.#clock,
      random,
      log: log.child({ slot }),
    })
    this.#children.set(slot, child)
    await this.#keepChildren()
    try {
      await child.ready()
    } catch (cause) {
      await child.drain(0)
      throw cause
    }
    // Told to stop while it became ready: nobody else would end it.
    if (this.#stopping.signal.aborted) await child.drain(config.drainMs)
    return child
  }

  /** One write after the other, each with what is true then: two children start at once, and the last write stays. */
  #keepChildren(): Promise<void> {
    this.#keepingChildren = this.#keepingChildren.then(() =>
      writeKeptFile(join(this.#folder, childrenName), JSON.stringify(this.pids)),
    )
    return this.#keepingChildren
  }

  /** Anew for each child: it starts with the newest table. */
  async #writeFiles(): Promise<string> {
    const { config, version, relay } = this.#settings
    const { name, sites, trustedClientIpHeader } = config
    const tableFile = 'bundled-structure.json'
    const configFile = join(this.#folder, configName)
    await writeKeptFile(join(this.#folder, tableFile), JSON.stringify(relay.documents))
    const text = workerdConfig({
      name,
      version,
      codeFile: this.#codeFile,
      tableFile,
      sites,
      trustedClientIpHeader,
      tablesAddress: relay.address,
    })
    await writeKeptFile(configFile, text)
    return configFile
  }

  #secrets(): Record<string, string> {
    const { config, relay } = this.#settings
    return {
      [secretVariables.TABLE_KEYS]: JSON.stringify(config.tableKeys),
      [secretVariables.GATEWAY_RING]: JSON.stringify(config.gatewayRing),
      [secretVariables.CONTROL_RING]: JSON.stringify(config.controlRing),
      [secretVariables.TABLES_TOKEN]: relay.token,
    }
  }

  /**
   * Children of a supervisor that was killed hold the port and route by a table that nobody renews. They are known by
   * id and by the configuration that they run, so that a reused id never hits another program.
   */
  async #endOrphans(): Promise<void> {
    const kept = await readKeptJson(join(this.#folder, childrenName), 64 * 1024)
    const pids = Array.isArray(kept) ? kept.filter((pid): pid is number => Number.isInteger(pid)) : []
    await Promise.all(pids.map((pid) => this.#endOrphan(pid)))
  }

  async #endOrphan(pid: number): Promise<void> {
    for (let waitedMs = 0; await this.#isOurs(pid); waitedMs += orphanLookMs) {
      if (waitedMs === 0) this.#settings.log.warn({ pid }, 'a workerd process of a killed supervisor is ended')
      if (waitedMs === 0) process.kill(pid, 'SIGTERM')
      if (waitedMs === orphanLimitMs) process.kill(pid, 'SIGKILL')
      await pause(orphanLookMs)
    }
  }

  async #isOurs(pid: number): Promise<boolean> {
    // No such process, or a system without /proc: then a taken port says so when it is bound.
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return commandLine.split('\0').includes(join(this.#folder, configName))
  }
}
