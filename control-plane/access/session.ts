import { encodeBase64url } from '#routes/base64url.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'
import type { SessionEntry } from './access-store.ts'
import type { Actor } from './can.ts'
import { hashToken } from './token.ts'

const sessionMs = 8 * 3_600_000
const linkMs = 3_600_000
const sessionLimit = 10_000
const linkLimit = 100

/** Browsers' sessions in memory; the store keeps them over restarts. */
export class Sessions {
  readonly #clock: Clock
  readonly #byHash = new Map<string, SessionEntry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  put(entry: SessionEntry): void {
    if (this.#byHash.size >= sessionLimit) this.#forgetExpired()
    this.#byHash.set(entry.sha256, entry)
  }

  find(id: string): Actor | undefined {
    const entry = this.#byHash.get(hashToken(id))
    if (entry === undefined || entry.expiresAt <= this.#clock.now()) return undefined
    return { name: entry.name, scopes: entry.scopes }
  }

  #forgetExpired(): void {
    for (const [hash, { expiresAt }] of this.#byHash) if (expiresAt <= this.#clock.now()) this.#byHash.delete(hash)
  }
}

/** A session that begins now: `id` goes into the cookie and nowhere else. */
export function newSession(
  actor: Actor,
  random: Random,
  now: number,
): { readonly id: string; readonly entry: SessionEntry } {
  const id = encodeBase64url(random.bytes(32))
  const { name, scopes } = actor
  return { id, entry: { sha256: hashToken(id), name, scopes, createdAt: now, expiresAt: now + sessionMs } }
}

/** One-time links: they live in memory only, so a restart spends them all. */
export class LoginLinks {
  readonly #clock: Clock
  readonly #random: Random
  readonly #byHash = new Map<string, { readonly actor: Actor; readonly expiresAt: number }>()

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** A secret that `redeem` takes once within an hour. Of more than 100 open links the oldest is spent. */
  create(actor: Actor): string {
    const [oldest] = this.#byHash.keys()
    if (this.#byHash.size >= linkLimit && oldest !== undefined) this.#byHash.delete(oldest)
    const link = encodeBase64url(this.#random.bytes(32))
    this.#byHash.set(hashToken(link), { actor, expiresAt: this.#clock.now() + linkMs })
    return link
  }

  /** Who made the link; undefined = unknown, expired or redeemed before. */
  redeem(link: string): Actor | undefined {
    const hash = hashToken(link)
    const found = this.#byHash.get(hash)
    this.#byHash.delete(hash)
    return found !== undefined && found.expiresAt > this.#clock.now() ? found.actor : undefined
  }
}
