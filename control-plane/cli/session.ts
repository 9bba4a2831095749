import type { Client } from '../api-client/client.ts'
import type { Format } from './print.ts'

/** The terminal, or what stands for it in a test. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where the command was typed. */
  readonly folder: string
  /** Data: standard output. */
  readonly out: (text: string) => void
  /** All else: standard error. */
  readonly tell: (text: string) => void
}

/** How a command that works on this machine alone prints. */
export interface LocalOptions {
  readonly output?: Format
}

/** What a command that asks the control plane is given. */
export interface Session extends Surroundings {
  readonly client: Client
  readonly format: Format
  /** Where the ports of the system begin, when `npm start` runs it on this machine. */
  readonly portBase?: number
}
