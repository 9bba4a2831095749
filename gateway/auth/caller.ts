import type { Caller } from '#routes/messages.ts'

const kinds: ReadonlySet<unknown> = new Set(['token', 'api-key', 'jwt'])

/** Reads what a store or a peer says of a credential; undefined for anything malformed or expired: better no caller than a wrong one. */
export function callerOf(value: unknown, now: number): Caller | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { consumer, scopes = [], by, claims, expiresAt } = value as Record<string, unknown>
  if (typeof consumer !== 'string' || !isConsumer(consumer)) return undefined
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string')) return undefined
  // Written so that NaN is refused, too.
  if (expiresAt !== undefined && !(typeof expiresAt === 'number' && expiresAt > now)) return undefined
  return {
    consumer,
    scopes,
    ...(kinds.has(by) ? { by: by as NonNullable<Caller['by']> } : {}),
    ...(typeof claims === 'object' && claims !== null
      ? { claims: claimTexts(claims as Record<string, unknown>, Object.keys(claims)) }
      : {}),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }
}

/** It becomes a header and a key of limits: printable, without spaces, 1 to 256 characters. */
export function isConsumer(text: string): boolean {
  return /^[\x21-\x7e]{1,256}$/.test(text)
}

/** Those claims that can be one line of a header, as texts; at most 32. */
export function claimTexts(
  claims: Readonly<Record<string, unknown>>,
  wanted: readonly string[],
): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const claim of wanted.slice(0, 32)) {
    const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue
    const text = String(value)
    if (/^[\x20-\x7e]{1,1024}$/.test(text)) texts[claim] = text
  }
  return texts
}
