import { hash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import type { Caller } from '#routes/messages.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { problems } from '../errors.ts'
import { callerOf } from './caller.ts'
import type { TokenStore } from './token-store.ts'

/** The file is looked at again after so long, ms: a revocation is seen in less than a second. */
const lookEveryMs = 200
const limitBytes = 16 * 1024 * 1024

export interface MemoryTokenStoreOptions {
  /** JSON list of `{ sha256, consumer, scopes, expiresAt?, kind? }`; `kind: 'api-key'` makes it one, else it is a token. */
  readonly file: string
  readonly kind: 'token' | 'api-key'
  readonly clock: Clock
  readonly log: Log
}

interface FileEntry {
  readonly sha256?: unknown
  readonly kind?: unknown
}

/** Tokens of a file, in memory: the embedded mode's and the tests' adapter. A broken file leaves the last good one in force. */
export class MemoryTokenStore implements TokenStore {
  readonly #options: MemoryTokenStoreOptions
  #entries = new Map<string, unknown>()
  #loaded = false
  #version = ''
  #lookedMs = Number.NEGATIVE_INFINITY
  /** Of the file that could not be read, told once; '' = there is none. */
  #faulty: string | undefined

  constructor(options: MemoryTokenStoreOptions) {
    this.#options = options
  }

  recall(): undefined {
    return undefined
  }

  async find(token: string): Promise<Caller | undefined> {
    const { clock } = this.#options
    if (clock.monotonic() - this.#lookedMs >= lookEveryMs) this.#look()
    if (!this.#loaded) throw problems['auth-store-away']({ retryAfterS: 1 })
    return callerOf(this.#entries.get(hash('sha256', token, 'hex')), clock.now())
  }

  async close(): Promise<void> {
    this.#entries.clear()
  }

  #look(): void {
    const { file, kind, clock, log } = this.#options
    this.#lookedMs = clock.monotonic()
    let version = ''
    try {
      const { mtimeMs, size, ino } = statSync(file)
      version = `${mtimeMs} ${size} ${ino}`
      if (version === this.#version || version === this.#faulty) return
      if (size > limitBytes) throw invalid(file, `it has more than ${limitBytes} bytes`)
      const list: unknown = JSON.parse(readFileSync(file, 'utf8'))
      if (!Array.isArray(list)) throw invalid(file, 'it is no JSON list')
      const own = (list as FileEntry[]).filter((entry) => (entry.kind ?? 'token') === kind)
      this.#entries = new Map(own.map((entry) => [String(entry.sha256), { ...entry, by: kind }]))
      this.#version = version
      this.#loaded = true
      this.#faulty = undefined
    } catch (cause) {
      if (this.#faulty !== version) log.warn({ err: cause, file }, 'the token file cannot be read')
      this.#faulty = version
    }
  }
}

const invalid = (path: string, because: string) => problems['token-file-invalid']({ path, because })
