import type { Background } from '#server-kit/background.ts'
import type { Log } from '#server-kit/log.ts'
import type { Deployment } from './deployment.ts'
import { type Resolve, retryResolveMs } from './resolve-each.ts'

export interface ResolvingOptions {
  readonly deployment: Deployment
  readonly resolve: Resolve
  readonly background: Background
  readonly log: Log
}

/**
 * Keeps a deployment's endpoints the addresses behind its name: asked again when the answer's TTL is over. While nobody
 * answers the last answer holds, since a name server that is away is no reason to drop a service that is there.
 */
export class Resolving {
  /** Settles with the first answer, or the first failure; never rejects. */
  readonly first: Promise<void>
  readonly #options: ResolvingOptions
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #failing = false

  constructor(options: ResolvingOptions) {
    this.#options = options
    this.first = this.#look()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    const { deployment, resolve, background, log } = this.#options
    const url = new URL(deployment.facts.url)
    let nextMs = retryResolveMs
    try {
      const { addresses, ttlMs } = await resolve(url.hostname)
      if (this.#stopped) return
      const port = url.port === '' ? '' : `:${url.port}`
      deployment.have(addresses.map((address) => `${url.protocol}//${address}${port}`))
      nextMs = ttlMs
      this.#failing = false
    } catch (cause) {
      // Told once a failure, not once a second.
      if (!this.#failing)
        log.warn({ deployment: deployment.service, err: cause }, 'the addresses of a deployment cannot be looked up')
      this.#failing = true
    }
    if (this.#stopped) return
    this.#timer = setTimeout(() => background.run('look up addresses', () => this.#look()), nextMs).unref()
  }
}
