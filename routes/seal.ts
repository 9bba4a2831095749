import { decodeBase64url, encodeBase64url } from './base64url.ts'

/**
 * Signatures, by WebCrypto alone so that edge, gateway and control plane run the same lines: Ed25519 (RFC 8032) seals
 * tables, since many must verify and one may sign; HMAC-SHA256 (RFC 2104) marks requests between two programs.
 */

/** WebCrypto's key, by a name that the types of every host agree on. */
export type ImportedKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

/** One shared secret, as a key file holds it. */
export interface SharedSecret {
  readonly id: string
  /** 32 bytes or more, base64url. */
  readonly secret: string
}

/** A ring file: what `tidegate keys` writes, mode 0600. The first key signs, each one verifies. */
export interface RingFile {
  readonly purpose: Purpose
  readonly keys: readonly SharedSecret[]
}

/** One key a purpose: a program that is broken into cannot speak for another pair. */
export type Purpose = 'edge-gateway' | 'gateway-gateway' | 'control-gateway' | 'edge-control'

/** Up to two active keys of one purpose, so that a key is replaced without a refused request. */
export class KeyRing {
  readonly purpose: Purpose
  readonly #keys: ReadonlyMap<string, ImportedKey>
  readonly #signing: string

  private constructor(purpose: Purpose, keys: ReadonlyMap<string, ImportedKey>, signing: string) {
    this.purpose = purpose
    this.#keys = keys
    this.#signing = signing
  }

  /** Undefined when the file holds no key, more than two, a short secret or a malformed id. */
  static async open(file: RingFile): Promise<KeyRing | undefined> {
    const [first] = file.keys
    if (first === undefined || file.keys.length > 2) return undefined
    const keys = new Map<string, ImportedKey>()
    for (const { id, secret } of file.keys) {
      const bytes = decodeBase64url(secret)
      if (bytes === undefined || bytes.length < 32 || !/^[A-Za-z0-9_-]{1,32}$/.test(id)) return undefined
      keys.set(
        id,
        await crypto.subtle.importKey('raw', owned(bytes), { name: 'HMAC', hash: 'SHA-256' }, false, [
          'sign',
          'verify',
        ]),
      )
    }
    return keys.size === file.keys.length ? new KeyRing(file.purpose, keys, first.id) : undefined
  }

  /** Id of the key that signs now; it stands in what is signed. */
  get signingId(): string {
    return this.#signing
  }

  async sign(text: string): Promise<string> {
    const key = this.#keys.get(this.#signing) as ImportedKey
    return encodeBase64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(text))))
  }

  /** Compared in constant time, by the platform. */
  async verify(keyId: string, text: string, mac: string): Promise<boolean> {
    const key = this.#keys.get(keyId)
    const bytes = decodeBase64url(mac)
    if (key === undefined || bytes === undefined) return false
    return crypto.subtle.verify('HMAC', key, owned(bytes), utf8.encode(text))
  }
}

export type DocumentKind = 'structure' | 'placements'

/** A document as it travels and is kept: the signature is over the exact text of `body`. */
export interface SealedDocument {
  readonly kind: DocumentKind
  readonly keyId: string
  readonly signature: string
  readonly body: string
}

export interface SigningKey {
  readonly id: string
  readonly key: ImportedKey
}

/** Imports an Ed25519 private key: PKCS #8, base64url. */
export async function signingKey(id: string, pkcs8: string): Promise<SigningKey | undefined> {
  const bytes = decodeBase64url(pkcs8)
  if (bytes === undefined) return undefined
  return { id, key: await crypto.subtle.importKey('pkcs8', owned(bytes), { name: 'Ed25519' }, false, ['sign']) }
}

/** Public keys by id whose signature a receiver believes. */
export type TrustedKeys = ReadonlyMap<string, ImportedKey>

/** A file of public keys: raw Ed25519, 32 bytes, base64url. Malformed keys give undefined: better none than fewer. */
export async function trustedKeys(
  keys: readonly { id: string; publicKey: string }[],
): Promise<TrustedKeys | undefined> {
  const trusted = new Map<string, ImportedKey>()
  for (const { id, publicKey } of keys) {
    const bytes = decodeBase64url(publicKey)
    if (bytes?.length !== 32) return undefined
    trusted.set(id, await crypto.subtle.importKey('raw', owned(bytes), { name: 'Ed25519' }, false, ['verify']))
  }
  return trusted
}

export async function seal(kind: DocumentKind, body: string, signing: SigningKey): Promise<SealedDocument> {
  const signature = await crypto.subtle.sign('Ed25519', signing.key, signedBytes(kind, body))
  return { kind, keyId: signing.id, signature: encodeBase64url(new Uint8Array(signature)), body }
}

export type SealVerdict = 'valid' | 'key-unknown' | 'signature-wrong'

export async function checkSeal(sealed: SealedDocument, trusted: TrustedKeys): Promise<SealVerdict> {
  const key = trusted.get(sealed.keyId)
  if (key === undefined) return 'key-unknown'
  const signature = decodeBase64url(sealed.signature)
  if (signature?.length !== 64) return 'signature-wrong'
  const valid = await crypto.subtle.verify('Ed25519', key, owned(signature), signedBytes(sealed.kind, sealed.body))
  return valid ? 'valid' : 'signature-wrong'
}

/** SHA-256 of the text, base64url: names the exact content of a document. */
export async function digestOf(text: string): Promise<string> {
  return digestOfBytes(utf8.encode(text))
}

export async function digestOfBytes(bytes: Uint8Array): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', owned(bytes))))
}

const utf8 = new TextEncoder()

/** The kind is signed too: a placements document can never be passed off as a structure. */
function signedBytes(kind: DocumentKind, body: string): Uint8Array<ArrayBuffer> {
  return owned(utf8.encode(`tidegate-${kind}-1\n${body}`))
}

/** WebCrypto's types want bytes over a plain ArrayBuffer; ours always are, so this copies only a foreign view. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}
