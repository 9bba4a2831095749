import type { Caller } from '#routes/messages.ts'

/** What a memory says without asking anybody: who it is, that it is nobody, or (undefined) nothing. */
export type Recalled = Caller | 'unknown' | undefined

/**
 * PORT: finds who a credential of one kind belongs to, at this site. `undefined` of `find` means known to be unknown; a throw
 * means that nobody could be asked, and must never be read as an unknown credential.
 */
export interface TokenStore {
  /** Called once a request, first. Never waits, never throws. An expired caller is never recalled. */
  recall(token: string): Recalled
  /** Throws `auth-store-away` after the adapter's own deadline at the latest. An expired token is unknown. */
  find(token: string): Promise<Caller | undefined>
  close(): Promise<void>
}
