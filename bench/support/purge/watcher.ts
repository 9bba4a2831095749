import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'
import { nowMs } from '../open-loop.ts'
import type { SiteProcess } from './two-sites.ts'

/** Pause between two questions: everything shares the cores of one machine, and who asks without one measures its own load, ms. */
const everyMs = 3

/** Asks one process for some items, one after the other, and notes what it still answers with. */
export class Watcher implements AsyncDisposable {
  readonly process: SiteProcess
  readonly #pool: Pool
  readonly #paths: readonly string[]
  readonly #running: Promise<void>
  readonly #newest = new Map<string, number>()
  #ended = false
  #expected = 0
  #sinceMs = 0
  #lastOldMs = Number.NEGATIVE_INFINITY
  #failed = 0

  constructor(process: SiteProcess, paths: readonly string[]) {
    this.process = process
    this.#paths = paths
    this.#pool = new Pool(process.gateway.public, { connections: 1 })
    this.#running = this.#run()
  }

  get failed(): number {
    return this.#failed
  }

  /** From now on whatever is older than `version` is old. */
  expect(version: number): void {
    this.#expected = version
    this.#sinceMs = nowMs()
    this.#lastOldMs = Number.NEGATIVE_INFINITY
    this.#newest.clear()
  }

  /** When the last old answer had come, ms after `expect`; 0: none came. */
  get oldUntilMs(): number {
    return Math.max(0, this.#lastOldMs - this.#sinceMs)
  }

  /** Each item was seen new, and no old answer came for `quietMs`. */
  settled(quietMs: number): boolean {
    return this.#newest.size === this.#paths.length && nowMs() - Math.max(this.#lastOldMs, this.#sinceMs) > quietMs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    await this.#running
    await this.#pool.close()
  }

  async #run(): Promise<void> {
    for (let at = 0; !this.#ended; at = (at + 1) % this.#paths.length) {
      const path = this.#paths[at] ?? ''
      const expected = this.#expected
      const { version, status } = await ask(this.#pool, path, this.process.device)
      if (status !== 200) this.#failed++
      // What was asked for before the purge may be old.
      else if (expected !== this.#expected) continue
      else if (version < expected) this.#lastOldMs = nowMs()
      else this.#newest.set(path, version)
      await wait(everyMs)
    }
  }
}

export interface Told {
  readonly status: number
  readonly version: number
  /** `Cache-Status`. */
  readonly cache: string
}

export async function ask(pool: Pool, path: string, device: string): Promise<Told> {
  const asked = { host: 'api.example.com', 'x-device-id': device }
  const { statusCode: status, headers, body } = await pool.request({ method: 'GET', path, headers: asked })
  return { status, version: Number(await body.text()), cache: String(headers['cache-status']) }
}
