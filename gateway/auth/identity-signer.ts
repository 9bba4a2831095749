import { createPrivateKey, createPublicKey, hash, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import type { Caller } from '#routes/messages.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'
import { problems } from '../errors.ts'

export interface IdentitySignerOptions {
  /** Private keys, PKCS #8 PEM: the first signs, all are published, so that a new one is known before it is used. */
  readonly keys: readonly { readonly path: string; readonly pem: string }[]
  readonly issuer: string
  /** At most 60 s. */
  readonly lifetimeMs: number
  readonly clock: Clock
  readonly random: Random
}

interface SigningKey {
  readonly key: KeyObject
  readonly alg: 'EdDSA' | 'ES256'
  /** Its own thumbprint, so that no two keys share one. RFC 7638. */
  readonly kid: string
  readonly published: JsonWebKey
}

interface Signed {
  readonly token: string
  /** Ms since 1970. */
  readonly renewAt: number
}

/** Signs who a caller is, for one service and for a minute at most: whoever steals one has little of it. */
export class IdentitySigner {
  readonly #options: IdentitySignerOptions
  readonly #keys: readonly SigningKey[]
  readonly #head: string
  /** By the caller as the memories hold it: forgotten with it, and signed once for many requests. */
  readonly #signed = new WeakMap<Caller, Map<string, Signed>>()

  constructor(options: IdentitySignerOptions) {
    this.#options = options
    this.#keys = options.keys.map(({ path, pem }) => signingKeyOf(path, pem))
    const [{ alg, kid }] = this.#keys as [SigningKey]
    this.#head = encode({ alg, typ: 'JWT', kid })
  }

  /** The public keys, as a JSON Web Key Set. */
  get published(): { readonly keys: readonly JsonWebKey[] } {
    return { keys: this.#keys.map(({ published }) => published) }
  }

  /** Holds for at least half of its lifetime from now on, or for as long as the caller's own credential. */
  sign(caller: Caller, service: string): string {
    const now = this.#options.clock.now()
    let ofCaller = this.#signed.get(caller)
    const held = ofCaller?.get(service)
    if (held !== undefined && now < held.renewAt) return held.token
    if (ofCaller === undefined) {
      ofCaller = new Map()
      this.#signed.set(caller, ofCaller)
    }
    const { issuer, lifetimeMs, random } = this.#options
    const { consumer, scopes, by = 'token', claims, expiresAt } = caller
    // Where the credential ends first, another one would end no later.
    const bounded = expiresAt !== undefined && expiresAt <= now + lifetimeMs
    const payload = encode({
      iss: issuer,
      aud: service,
      sub: consumer,
      scope: scopes.join(' '),
      by,
      ...(claims === undefined ? {} : { claims }),
      iat: Math.floor(now / 1_000),
      exp: Math.floor((bounded ? expiresAt : now + lifetimeMs) / 1_000),
      // The token's, which goes along with many requests: no nonce of one.
      jti: random.id(),
    })
    const token = `${this.#head}.${payload}.${signatureOf(`${this.#head}.${payload}`, this.#keys[0] as SigningKey)}`
    ofCaller.set(service, { token, renewAt: bounded ? expiresAt : now + lifetimeMs / 2 })
    return token
  }
}

function signatureOf(text: string, { key, alg }: SigningKey): string {
  const bytes = Buffer.from(text)
  // The raw pair of numbers, not DER. RFC 7518 section 3.4.
  const signature = alg === 'EdDSA' ? sign(null, bytes, key) : sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
  return signature.toString('base64url')
}

function signingKeyOf(path: string, pem: string): SigningKey {
  const purpose = 'identity'
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    throw problems['key-file-invalid']({ path, purpose, because: 'it is no private key in PEM', cause })
  }
  const { kty = '', crv = '', x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' })
  const alg = crv === 'Ed25519' ? 'EdDSA' : crv === 'P-256' ? 'ES256' : undefined
  if (alg === undefined)
    throw problems['key-file-invalid']({ path, purpose, because: 'it is neither Ed25519 nor P-256' })
  const named = alg === 'EdDSA' ? { crv, kty, x } : { crv, kty, x, y }
  const kid = hash('sha256', JSON.stringify(named), 'base64url')
  return { key, alg, kid, published: { ...named, kid, alg, use: 'sig' } }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
