import type { Caller } from '#routes/messages.ts'

/**
 * PORT: finds who a bearer token belongs to. Called once a request of a route that is not public. `undefined` means known
 * to be unknown; a throw means that nobody could be asked, and must never be read as an unknown token.
 */
export interface TokenStore {
  /** Throws `auth-store-away` after the adapter's own deadline at the latest. An expired token is unknown. */
  find(token: string): Promise<Caller | undefined>
  close(): Promise<void>
}
