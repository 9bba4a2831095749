import { Problem } from '#routes/problem.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import { type EdgeConfig, readEdgeConfig } from './config.ts'
import { problems } from './errors.ts'
import { FileWatch } from './file-watch.ts'
import { changedFixedKeys } from './fixed-config.ts'
import type { Launch } from './launch.ts'
import type { RestartReason } from './supervisor.ts'

export const reloadOutcomes = ['applied', 'refused'] as const

export interface EdgeReloadSettings {
  /** That the edge started with. */
  readonly launch: Launch
  readonly env: Readonly<Record<string, string | undefined>>
  /** All that processes are started with under this configuration, as script, binary and keys are now. */
  readonly launchOf: (config: EdgeConfig) => Promise<Launch>
  /** Puts it in force for all processes; resolves with how many of them run it, 0 = it cannot be used. */
  readonly roll: (launch: Launch, reason: RestartReason) => Promise<number>
  /** Puts in force what processes need not be replaced for. */
  readonly adopt: (launch: Launch) => void
  readonly onOutcome?: (outcome: (typeof reloadOutcomes)[number]) => void
  readonly log: Log
}

/**
 * The configuration file, with the keys and certificates that it names, read again when one of them changes or when asked;
 * when asked, script and binary too. What is wrong in any part is refused whole and told with its line, and the last one that
 * was right goes on serving.
 */
export class EdgeReload implements Part {
  readonly name = 'configuration'
  readonly #settings: EdgeReloadSettings
  readonly #watch: FileWatch
  #launch: Launch
  #refused = false
  readonly #started = Promise.withResolvers<void>()
  /** One after the other, the first when all processes run. */
  #reloading: Promise<unknown> = this.#started.promise

  constructor(settings: EdgeReloadSettings) {
    this.#settings = settings
    this.#launch = settings.launch
    this.#watch = new FileWatch(
      () => this.#launch.config.files,
      () => this.reload(),
    )
  }

  async start(): Promise<void> {
    await this.#watch.start()
    this.#started.resolve()
  }

  async drain(): Promise<void> {
    this.#watch.stop()
  }

  async stop(): Promise<void> {
    this.#watch.stop()
    this.#started.resolve()
    await this.#reloading
  }

  /** Whether the files are not what serves. */
  get refused(): boolean {
    return this.#refused
  }

  /** Replaces the processes whose script, binary or settings are not those of now. True when the files are in force; never rejects. */
  reload(): Promise<boolean> {
    return this.#turn('reload')
  }

  /** Replaces every process, changed or not. */
  replaceAll(): Promise<boolean> {
    return this.#turn('asked')
  }

  #turn(reason: RestartReason): Promise<boolean> {
    const done = this.#reloading.then(() => this.#read(reason))
    this.#reloading = done
    return done
  }

  async #read(reason: RestartReason): Promise<boolean> {
    const { launchOf, roll, adopt, onOutcome, log } = this.#settings
    try {
      const next = await launchOf(this.#readConfig())
      const running = await roll(next, reason)
      if (running === 0) throw problems['edge-launch-refused']()
      this.#launch = next
      adopt(next)
      this.#refused = false
      onOutcome?.('applied')
      log.info({ reason, running, of: next.config.workers }, 'the configuration was read again')
      return true
    } catch (cause) {
      this.#refused = true
      onOutcome?.('refused')
      const fix = cause instanceof Problem ? { fix: cause.fix } : {}
      log.error({ err: cause, ...fix }, 'the configuration is refused: the last good one serves')
      return false
    }
  }

  #readConfig(): EdgeConfig {
    const { config } = this.#launch
    const next = readEdgeConfig(config.file, this.#settings.env)
    const keys = changedFixedKeys(config, next)
    if (keys.length > 0) throw problems['edge-config-needs-restart']({ keys: keys.join(', ') })
    return next
  }
}
