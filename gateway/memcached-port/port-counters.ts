import type { Metrics } from '#server-kit/metrics.ts'
import { type CommandResult, commandResults } from './answer.ts'
import { type CommandName, commandNames } from './command-names.ts'

/** Why a connection ended, or never began. */
export const endings = [
  'client',
  'command',
  'protocol',
  'idle',
  'unauthenticated',
  'crowded',
  'shutdown',
  'failed',
] as const
export type Ending = (typeof endings)[number]

const commandIndex = new Map(commandNames.map((name, at) => [name, at]))
const resultIndex = new Map(commandResults.map((result, at) => [result, at]))
const cells = commandNames.length * commandResults.length

/**
 * What a process's ports were asked, counted in plain numbers: a labelled counter costs as much as a command. They are told
 * to the metrics each second.
 */
export class PortCounters {
  readonly #counts = new Float64Array(cells)
  readonly #told = new Float64Array(cells)
  /** `stats reset` begins here. */
  #since = new Float64Array(cells)
  bytesIn = 0
  bytesOut = 0
  #bytesTold = { in: 0, out: 0 }
  open = 0
  accepted = 0
  refused = 0
  readonly #commands
  readonly #bytes
  readonly #endings

  constructor(metrics: Metrics) {
    this.#commands = metrics.counter('tidegate_memcached_port_commands_total', 'Commands of the Memcached ports.', {
      command: commandNames,
      result: commandResults,
    })
    this.#bytes = metrics.counter(
      'tidegate_memcached_port_bytes_total',
      'Bytes that the Memcached ports read and wrote.',
      {
        direction: ['in', 'out'],
      },
    )
    this.#endings = metrics.counter(
      'tidegate_memcached_port_connections_ended_total',
      'Connections of the Memcached ports that ended, or were turned away, and why.',
      { because: endings },
    )
    metrics.gauge('tidegate_memcached_port_connections', 'Open connections of the Memcached ports.', {}, (gauge) =>
      gauge.set({}, this.open),
    )
  }

  count(name: CommandName, result: CommandResult): void {
    const at = (commandIndex.get(name) ?? 0) * commandResults.length + (resultIndex.get(result) ?? 0)
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
  }

  ended(because: Ending): void {
    this.#endings.inc({ because })
  }

  /** Since the last reset, over these commands. */
  sum(names: readonly CommandName[], results: readonly CommandResult[] = commandResults): number {
    let sum = 0
    for (const name of names) {
      for (const result of results) {
        const at = (commandIndex.get(name) ?? 0) * commandResults.length + (resultIndex.get(result) ?? 0)
        sum += (this.#counts[at] ?? 0) - (this.#since[at] ?? 0)
      }
    }
    return sum
  }

  reset(): void {
    this.#since = this.#counts.slice()
  }

  /** Tells the metrics what they have not heard yet. */
  tell(): void {
    for (let at = 0; at < cells; at++) {
      const more = (this.#counts[at] ?? 0) - (this.#told[at] ?? 0)
      if (more === 0) continue
      const command = commandNames[Math.floor(at / commandResults.length)] as CommandName
      const result = commandResults[at % commandResults.length] as CommandResult
      this.#commands.inc({ command, result }, more)
      this.#told[at] = this.#counts[at] ?? 0
    }
    this.#bytes.inc({ direction: 'in' }, this.bytesIn - this.#bytesTold.in)
    this.#bytes.inc({ direction: 'out' }, this.bytesOut - this.#bytesTold.out)
    this.#bytesTold = { in: this.bytesIn, out: this.bytesOut }
  }
}
