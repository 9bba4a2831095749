import type { Caller } from '#routes/messages.ts'

/** Reads what a store holds for a token; undefined for anything malformed or expired: better no caller than a wrong one. */
export function callerOf(value: unknown, now: number): Caller | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { consumer, scopes = [], expiresAt } = value as Record<string, unknown>
  if (typeof consumer !== 'string' || !/^[\x21-\x7e]{1,256}$/.test(consumer)) return undefined
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string')) return undefined
  if (expiresAt === undefined) return { consumer, scopes }
  if (typeof expiresAt !== 'number' || expiresAt <= now) return undefined
  return { consumer, scopes, expiresAt }
}
