import { hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { ConfigState, ConfigVersion } from '#routes/messages.ts'
import { Problem } from '#routes/problem.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import { readConfigText } from '#server-kit/config.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import { checkGatewayConfig, type Environment, type GatewayConfig } from '../config.ts'
import { keepConfig, type StartConfig } from './kept-config.ts'

export interface ConfigReloadOptions {
  readonly file: string
  readonly env: Environment
  readonly start: StartConfig
  /** Puts it in force, whole or not at all. */
  readonly apply: (config: GatewayConfig) => Promise<void>
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly background: Background
  /** Between two looks at the file, ms. Default 500. */
  readonly lookEveryMs?: number
}

const outcomes = ['applied', 'refused'] as const

/**
 * The configuration file, read again when it changes or when asked. What is wrong in any part is refused whole and told;
 * the last one that was right goes on serving, and is kept on disk for a restart. A changed file is looked at by its time
 * and size, since mounted files are often swapped by a link, and taken only once it stands still: half a file may be valid.
 */
export class ConfigReload implements Part {
  readonly name = 'configuration'
  readonly #options: ConfigReloadOptions
  readonly #count: (outcome: (typeof outcomes)[number]) => void
  #state: ConfigState
  #timer: NodeJS.Timeout | undefined
  #seen = ''
  #read = ''
  #reloading: Promise<boolean> = Promise.resolve(true)

  constructor(options: ConfigReloadOptions) {
    this.#options = options
    const { clock, metrics, start } = options
    const now = clock.now()
    this.#state = { applied: versionOf(start.text, now), ...(start.fault && { fault: toldOf(start.fault, now) }) }
    const total = metrics.counter('tidegate_config_reloads_total', 'Configurations that were read again.', {
      outcome: outcomes,
    })
    this.#count = (outcome) => total.inc({ outcome })
    metrics.gauge(
      'tidegate_config_refused',
      '1 while the configuration file is not what serves, because it was refused.',
      {},
      (gauge) => gauge.set({}, this.#state.fault === undefined ? 0 : 1),
    )
  }

  get state(): ConfigState {
    return this.#state
  }

  async start(): Promise<void> {
    const { start, log, background, lookEveryMs = 500 } = this.#options
    const { fault } = start
    if (fault === undefined) this.#keep(start.config, start.text)
    else log.error({ err: fault, fix: fault.fix }, 'the configuration file is refused: the last good one serves')
    this.#seen = this.#read = await this.#look()
    this.#timer = setInterval(() => background.run('look at the configuration file', () => this.#onLook()), lookEveryMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#reloading
  }

  /** Reads the file and what it names (keys) again, changed or not. True when it is in force. One after the other. */
  reload(): Promise<boolean> {
    this.#reloading = this.#reloading.then(() => this.#reload())
    return this.#reloading
  }

  async #onLook(): Promise<void> {
    const seen = await this.#look()
    const still = seen === this.#seen
    this.#seen = seen
    if (!still || seen === this.#read) return
    this.#read = seen
    await this.reload()
  }

  /** What tells two versions of the file apart; one that is away is a version too. */
  async #look(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#options.file)
      return `${mtimeMs} ${size} ${ino}`
    } catch (cause) {
      return `away: ${(cause as NodeJS.ErrnoException).code}`
    }
  }

  async #reload(): Promise<boolean> {
    const { file, env, apply, clock, log } = this.#options
    const now = clock.now()
    let text: string | undefined
    try {
      text = readConfigText(file)
      const config = checkGatewayConfig(file, text, env)
      await apply(config)
      this.#state = { applied: versionOf(text, now) }
      this.#count('applied')
      log.info({ ...this.#state.applied }, 'the configuration was read again')
      this.#keep(config, text)
      return true
    } catch (cause) {
      const desired = text === undefined ? {} : { desired: versionOf(text, now) }
      this.#state = { applied: this.#state.applied, ...desired, fault: toldOf(cause, now) }
      this.#count('refused')
      const fix = cause instanceof Problem ? { fix: cause.fix } : {}
      log.error({ err: cause, ...fix }, 'the configuration file is refused: the last good one serves')
      return false
    }
  }

  #keep(config: GatewayConfig, text: string): void {
    this.#options.background.run('keep the configuration', keepConfig(config, text))
  }
}

function versionOf(text: string, at: number): ConfigVersion {
  return { digest: hash('sha256', text, 'hex').slice(0, 16), at }
}

function toldOf(cause: unknown, at: number): NonNullable<ConfigState['fault']> {
  const code = cause instanceof Problem ? cause.code : 'internal'
  return { code, text: cause instanceof Error ? cause.message : String(cause), at }
}
