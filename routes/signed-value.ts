import { readCount } from './fields.ts'
import type { KeyRing } from './seal.ts'

/**
 * A short value that one of our programs signed for a while, in a form that fits a header and a cookie alike (RFC 6265
 * section 4.1.1): `<value>.<expiry, s since 1970>.<key id>.<mac>`. The kind is signed too, so that none can be passed off
 * as another.
 */
export type SignedKind = 'force' | 'sticky' | 'echo'

/** `value` has no dot; at most 128 characters of A-Z a-z 0-9 _ - */
export async function writeSigned(kind: SignedKind, value: string, expiresAt: number, ring: KeyRing): Promise<string> {
  const signed = `${value}.${Math.floor(expiresAt / 1000)}.${ring.signingId}`
  return `${signed}.${await ring.sign(signedText(kind, signed))}`
}

/** The value, or undefined for what is not ours, of another kind, or over. `now`: ms since 1970. */
export async function readSigned(
  kind: SignedKind,
  text: string,
  ring: KeyRing,
  now: number,
): Promise<string | undefined> {
  const [, signed = '', value, expiry = '', keyId = '', mac = ''] = form.exec(text) ?? []
  const expiresAt = readCount(expiry)
  if (value === undefined || expiresAt === undefined || expiresAt * 1000 <= now) return undefined
  return (await ring.verify(keyId, signedText(kind, signed), mac)) ? value : undefined
}

const form = /^(([\w-]{1,128})\.(\d{1,12})\.([\w-]{1,32}))\.([\w-]{43})$/

function signedText(kind: SignedKind, signed: string): string {
  return `tidegate-${kind}-1\n${signed}`
}
