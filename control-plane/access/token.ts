import { createHash, timingSafeEqual } from 'node:crypto'
import { encodeBase64url } from '#routes/base64url.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'
import type { TokenEntry } from './access-store.ts'
import type { Actor } from './can.ts'

/** Longer is no token of ours, and is not hashed. */
const longestToken = 256

/** A new token: 32 random bytes behind a prefix by which scanners of repositories know it. Shown once, never kept. */
export function newToken(random: Random): string {
  return `tg_${encodeBase64url(random.bytes(32))}`
}

/** Hex SHA-256. Enough for 32 random bytes: there is nothing to guess, so nothing to slow down. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex')
}

/** The token of `authorization: Bearer TOKEN` (RFC 6750 section 2.1). */
export function bearerOf(authorization: string | undefined): string | undefined {
  const match = authorization === undefined ? null : /^Bearer +([!-~]+)$/i.exec(authorization)
  const token = match?.[1]
  return token !== undefined && token.length <= longestToken ? token : undefined
}

/** All valid tokens, in memory: no request waits for the store to be known. */
export class TokenBook {
  readonly #clock: Clock
  readonly #byHash = new Map<string, TokenEntry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Adds an entry, or puts its new state in the place of the former one. */
  put(entry: TokenEntry): void {
    this.#byHash.set(entry.sha256, entry)
  }

  /** Who the token belongs to; undefined = unknown, revoked or expired, which the caller must not tell apart. */
  find(token: string): Actor | undefined {
    const hash = hashToken(token)
    const entry = this.#byHash.get(hash)
    // The look-up is by hash, whose bits tell nothing of the token; the comparison costs the same for each of them.
    if (entry === undefined || !timingSafeEqual(Buffer.from(entry.sha256), Buffer.from(hash))) return undefined
    if (entry.revokedAt !== undefined || entry.expiresAt <= this.#clock.now()) return undefined
    return { name: entry.name, scopes: entry.scopes }
  }

  byId(id: string): TokenEntry | undefined {
    return this.all().find((entry) => entry.id === id)
  }

  /** Sorted by id, that is by age. */
  all(): readonly TokenEntry[] {
    return [...this.#byHash.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}
