import type { Log } from '#server-kit/log.ts'
import type { StartConfig } from '../reload/kept-config.ts'

/** What each way to run a gateway begins with. */
export interface Program {
  /** The configuration file, as it was named. */
  readonly file: string
  readonly start: StartConfig
  readonly log: Log
  readonly version: string
}

/** Whoever started us waits for this line, whatever the level of the log. */
export function sayReady(site: string, facts: object): void {
  process.stdout.write(`${JSON.stringify({ ready: true, program: 'gateway', site, ...facts })}\n`)
}
