import type { Scope } from './can.ts'

/** A token of a person or a machine, without the token: only its SHA-256 is kept. */
export interface TokenEntry {
  readonly id: string
  readonly name: string
  /** Hex. */
  readonly sha256: string
  readonly scopes: readonly Scope[]
  readonly createdBy: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly revokedAt?: number
}

/** A browser's session; its id is kept as a hash too. */
export interface SessionEntry {
  readonly sha256: string
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly createdAt: number
  readonly expiresAt: number
}

/** PORT: credentials. Read once at the start, written at each change. */
export interface AccessStore {
  tokens(): Promise<readonly TokenEntry[]>
  saveToken(entry: TokenEntry): Promise<void>
  sessions(): Promise<readonly SessionEntry[]>
  saveSession(entry: SessionEntry): Promise<void>
  forgetExpired(now: number): Promise<void>
}
