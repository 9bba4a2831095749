import { Problem } from '#routes/problem.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import { backoffMs } from './backoff.ts'

export const channelStates = ['working', 'failing', 'halted'] as const

/** How a channel to Cloudflare fares, and when it tries again. */
export class Health {
  readonly #random: Random
  readonly #log: Log
  #failures = 0
  #halted = false
  #because = ''

  constructor(random: Random, log: Log, channel: 'script' | 'kv') {
    this.#random = random
    this.#log = log.child({ channel })
  }

  /** `failing`: it tries again by itself. `halted`: the token was refused, and a person is needed. */
  get state(): (typeof channelStates)[number] {
    if (this.#halted) return 'halted'
    return this.#failures > 0 ? 'failing' : 'working'
  }

  /** Of what is not well; '' when all is. */
  get because(): string {
    return this.#because
  }

  worked(): void {
    this.#failures = 0
    this.#because = ''
  }

  resume(): void {
    this.#halted = false
    this.worked()
  }

  /** Answers after how many ms to try again; undefined: not before a person has mended it. */
  failed(why: unknown, askedMs?: number): number | undefined {
    const because = why instanceof Error ? why.message : String(why)
    if (why instanceof Problem && why.code === 'cloudflare-denied') return this.halt(because)
    this.#failures++
    this.#because = because
    const asked = why instanceof Problem && typeof why.facts['afterMs'] === 'number' ? why.facts['afterMs'] : askedMs
    const inMs = backoffMs(this.#failures, asked, this.#random)
    this.#log.warn({ because, inMs, failures: this.#failures }, 'nothing reaches Cloudflare now')
    return inMs
  }

  /** Nothing more is sent, so that a lost token does not become a locked account. */
  halt(because: string): undefined {
    this.#halted = true
    this.#because = because
    this.#log.error({ because }, 'Cloudflare refuses the token: nothing is sent until a person has mended it')
  }
}
