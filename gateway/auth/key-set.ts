import { type CryptoKey, createLocalJWKSet, errors, type JSONWebKeySet, type JWSHeaderParameters } from 'jose'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { problems } from '../errors.ts'

/** PORT: fetches the keys of an issuer, within its own bounds of time and size. */
export type FetchKeys = (url: string) => Promise<JSONWebKeySet>

export interface KeySetOptions {
  readonly url: string
  readonly fetch: FetchKeys
  readonly clock: Clock
  readonly background: Background
  readonly log: Log
  /** Age from which keys are fetched again behind the requests. */
  readonly refreshMs: number
  /** How long the last good keys count while nobody answers. */
  readonly keepForMs: number
  /** Called when other keys came. */
  readonly changed: () => void
}

interface Keys {
  readonly find: ReturnType<typeof createLocalJWKSet>
  /** To see whether others came. */
  readonly text: string
  /** Monotonic ms. */
  readonly atMs: number
}

/** An unknown key makes us ask again, but whoever invents key ids makes us ask no more often than this. */
const askAgainMs = 30_000
/** While there are no keys at all every token waits for them: asked again sooner. */
const retryMs = 1_000

/** The public keys of one issuer: fetched when first needed, again when they change, kept while their server is away. */
export class KeySet {
  readonly #options: KeySetOptions
  #keys:
    | { readonly find: ReturnType<typeof createLocalJWKSet>; readonly text: string; readonly atMs: number }
    | undefined
  #fetching: Promise<void> | undefined
  #triedMs = Number.NEGATIVE_INFINITY
  #failed = false

  constructor(options: KeySetOptions) {
    this.#options = options
  }

  /**
   * The key that a token names. Throws jose's `JWKSNoMatchingKey` for one that the issuer does not have, and `jwt-keys-away`
   * when that cannot be known.
   */
  async find(header: JWSHeaderParameters): Promise<CryptoKey> {
    const { clock, refreshMs, keepForMs, background } = this.#options
    const now = clock.monotonic()
    if (this.#keys !== undefined && now - this.#keys.atMs >= keepForMs) this.#keys = undefined
    if (this.#keys === undefined) {
      if (this.#fetching !== undefined || now - this.#triedMs >= retryMs) await this.#fetch()
      return this.#held().find(header)
    }
    if (now - this.#keys.atMs >= refreshMs && now - this.#triedMs >= askAgainMs)
      background.run('fetch keys of an issuer', this.#fetch())
    try {
      return await this.#keys.find(header)
    } catch (cause) {
      if (!(cause instanceof errors.JWKSNoMatchingKey)) throw cause
      if (this.#fetching !== undefined || now - this.#triedMs >= askAgainMs) await this.#fetch()
      // Perhaps a new key, of which nobody could tell us: not to be known is not to be refused.
      if (this.#failed) throw away()
      return await this.#held().find(header)
    }
  }

  #held(): Keys {
    if (this.#keys === undefined) throw away()
    return this.#keys
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #fetchOnce(): Promise<void> {
    const { url, fetch, clock, changed, log } = this.#options
    this.#triedMs = clock.monotonic()
    try {
      const set = await fetch(url)
      const text = JSON.stringify(set)
      const other = this.#keys !== undefined && this.#keys.text !== text
      this.#keys = { find: createLocalJWKSet(set), text, atMs: clock.monotonic() }
      this.#failed = false
      if (other) changed()
    } catch (cause) {
      if (!this.#failed)
        log.warn({ err: cause, url }, 'the keys of an issuer cannot be fetched; the last good ones count')
      this.#failed = true
    }
  }
}

const away = () => problems['jwt-keys-away']({ retryAfterS: 1 })
