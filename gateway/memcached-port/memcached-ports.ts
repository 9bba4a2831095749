import { readFile } from 'node:fs/promises'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import { type HostAndPort, hostAndPort } from '../address.ts'
import type { ItemCommands } from '../cache-api/item-commands.ts'
import type { CacheStore } from '../store/cache-store.ts'
import type { StampClock } from '../store/stamp.ts'
import { AdminKeys, type AdminSource } from './admin-keys.ts'
import { MetaCommands } from './meta-commands.ts'
import { NamespaceFlushes } from './namespace-flushes.ts'
import { PortCommands } from './port-commands.ts'
import { PortCounters } from './port-counters.ts'
import { PortListener, type PortTls } from './port-listener.ts'
import { type PortSettings, type PortYaml, portSettings } from './port-settings.ts'
import { PortStats } from './port-stats.ts'
import { PortStore } from './port-store.ts'
import { RecacheTurns } from './recache-turns.ts'
import { TextCommands } from './text-commands.ts'

export interface MemcachedPortsOptions {
  /** The ports that are opened. */
  readonly ports: readonly PortYaml[]
  /** The ports of the configuration in force: their users and limits hold from the next command on. */
  readonly current: () => readonly PortYaml[]
  /** Where a file that the configuration names lies. */
  readonly path: (file: string) => string
  /** Descriptors of listening sockets that a supervisor opened, one a port; absent: own ones. */
  readonly handed?: readonly number[]
  /** The outermost store. */
  readonly store: CacheStore
  /** The zones of this site alone. */
  readonly zones: CacheStore
  readonly items: ItemCommands
  readonly stamps: StampClock
  readonly readDeadlineMs: number
  readonly admin: AdminSource
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Log
}

/** All ports of a process that speak Memcached's protocol: one part of its life. */
export class MemcachedPorts {
  readonly name = 'memcached ports'
  readonly #options: MemcachedPortsOptions
  readonly #listeners: PortListener[] = []
  readonly #flushes: NamespaceFlushes
  readonly #store: PortStore
  readonly #counters: PortCounters

  constructor(options: MemcachedPortsOptions) {
    const { store, items, stamps, clock, readDeadlineMs, metrics, log } = options
    this.#options = options
    this.#store = new PortStore({ store, items, stamps, clock, readDeadlineMs })
    this.#flushes = new NamespaceFlushes({ store: this.#store, log })
    this.#counters = new PortCounters(metrics)
  }

  /** As bound, in the order of the configuration. */
  get addresses(): readonly HostAndPort[] {
    return this.#listeners.map(({ address }) => address)
  }

  async start(): Promise<void> {
    const { ports, handed } = this.#options
    for (const [at, port] of ports.entries()) {
      const listener = await this.#listener(port, handed?.[at])
      this.#listeners.push(listener)
      await listener.listen()
    }
  }

  async drain(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.drain()))
  }

  async stop(): Promise<void> {
    this.#flushes.close()
    await Promise.all(this.#listeners.map((listener) => listener.close()))
  }

  async #listener(port: PortYaml, fd: number | undefined): Promise<PortListener> {
    const { zones, stamps, clock, log, admin } = this.#options
    const tls = await this.#tls(port)
    const startedAtMs = clock.now()
    const address = hostAndPort(port.listen)
    const commands = new PortCommands({
      text: new TextCommands(this.#store),
      meta: new MetaCommands(this.#store, new RecacheTurns({ zones, stamps })),
      flushes: this.#flushes,
      stats: new PortStats({
        counters: this.#counters,
        clock,
        startedAtMs,
        address: () => listener.address,
        hasTls: tls !== undefined,
      }),
      admin: new AdminKeys(admin, this.#store),
    })
    const listener = new PortListener({
      address,
      ...(fd === undefined ? {} : { fd }),
      ...(tls === undefined ? {} : { tls }),
      settings: this.#settingsOf(port),
      commands,
      counters: this.#counters,
      clock,
      log,
    })
    return listener
  }

  /** Read once a configuration, and the same object until the next. */
  #settingsOf(port: PortYaml): () => PortSettings {
    let yaml = port
    let settings = portSettings(port)
    return () => {
      const now = this.#options.current().find(({ listen }) => listen === port.listen) ?? yaml
      if (now !== yaml) {
        yaml = now
        settings = portSettings(now)
      }
      return settings
    }
  }

  async #tls({ tls }: PortYaml): Promise<PortTls | undefined> {
    if (tls === undefined) return undefined
    const { path } = this.#options
    const [cert, key, ca] = await Promise.all([
      readFile(path(tls.cert)),
      readFile(path(tls.key)),
      tls.clients === undefined ? undefined : readFile(path(tls.clients)),
    ])
    return { cert, key, ...(ca === undefined ? {} : { ca }) }
  }
}
