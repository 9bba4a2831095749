import type { Clock } from '#server-kit/clock.ts'
import type { CommandName } from './command-names.ts'
import type { PortCounters } from './port-counters.ts'
import type { PortSettings } from './port-settings.ts'
import { versionText } from './text-command.ts'

export interface PortStatsOptions {
  readonly counters: PortCounters
  readonly clock: Clock
  readonly startedAtMs: number
  /** As bound. */
  readonly address: () => { readonly host: string; readonly port: number }
  readonly hasTls: boolean
}

/** `stats`: of this process, in memcached's words; only what is known here, and nothing made up. */
export class PortStats {
  readonly #options: PortStatsOptions

  constructor(options: PortStatsOptions) {
    this.#options = options
  }

  answer(group: string, settings: PortSettings): string {
    switch (group) {
      case '':
        return lines(this.#general(settings))
      case 'settings':
        return lines(this.#settings(settings))
      case 'reset':
        this.#options.counters.reset()
        return 'RESET\r\n'
      default:
        return 'END\r\n'
    }
  }

  #general({ maxConnections }: PortSettings): Record<string, string | number> {
    const { counters, clock, startedAtMs } = this.#options
    const now = clock.now()
    const { user, system } = process.cpuUsage()
    return {
      pid: process.pid,
      uptime: Math.floor((now - startedAtMs) / 1000),
      time: Math.floor(now / 1000),
      version: versionText,
      pointer_size: 64,
      rusage_user: (user / 1e6).toFixed(6),
      rusage_system: (system / 1e6).toFixed(6),
      max_connections: maxConnections,
      curr_connections: counters.open,
      total_connections: counters.accepted,
      rejected_connections: counters.refused,
      cmd_get: counters.sum([...retrievals, 'mg']),
      cmd_set: counters.sum([...stores, 'ms']),
      cmd_flush: counters.sum(['flush_all']),
      cmd_touch: counters.sum(['touch', 'gat', 'gats']),
      cmd_meta: counters.sum(['mg', 'ms', 'md', 'ma', 'mn', 'me']),
      get_hits: counters.sum([...retrievals, 'mg'], ['done']),
      get_misses: counters.sum([...retrievals, 'mg'], ['miss']),
      delete_misses: counters.sum(['delete', 'md'], ['miss']),
      delete_hits: counters.sum(['delete', 'md'], ['done']),
      incr_misses: counters.sum(['incr', 'ma'], ['miss']),
      incr_hits: counters.sum(['incr', 'ma'], ['done']),
      decr_misses: counters.sum(['decr'], ['miss']),
      decr_hits: counters.sum(['decr'], ['done']),
      cas_misses: counters.sum(['cas'], ['miss']),
      cas_hits: counters.sum(['cas'], ['done']),
      touch_hits: counters.sum(['touch', 'gat', 'gats'], ['done']),
      touch_misses: counters.sum(['touch', 'gat', 'gats'], ['miss']),
      auth_cmds: counters.sum(['auth']),
      auth_errors: counters.sum(['auth'], ['refused']),
      bytes_read: counters.bytesIn,
      bytes_written: counters.bytesOut,
      threads: 1,
    }
  }

  #settings(settings: PortSettings): Record<string, string | number> {
    const { address, hasTls } = this.#options
    const { host, port } = address()
    return {
      maxconns: settings.maxConnections,
      tcpport: port,
      udpport: 0,
      inter: host,
      verbosity: 0,
      evictions: 'on',
      cas_enabled: 'yes',
      auth_enabled_sasl: 'no',
      auth_enabled_ascii: settings.anybody === undefined ? 'yes' : 'no',
      item_size_max: settings.valueLimitBytes,
      maxconns_fast: 'yes',
      idle_timeout: Math.floor(settings.idleMs / 1000),
      flush_enabled: settings.mayFlush ? 'yes' : 'no',
      binding_protocol: 'ascii',
      ssl_enabled: hasTls ? 'yes' : 'no',
    }
  }
}

const retrievals: readonly CommandName[] = ['get', 'gets', 'gat', 'gats']
const stores: readonly CommandName[] = ['set', 'add', 'replace', 'append', 'prepend', 'cas']

function lines(stats: Readonly<Record<string, string | number>>): string {
  let text = ''
  for (const [name, value] of Object.entries(stats)) text += `STAT ${name} ${value}\r\n`
  return `${text}END\r\n`
}
