import { hash, timingSafeEqual } from 'node:crypto'
import { type CallVerdict, checkCall } from '#routes/call.ts'
import { headers } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import { problems } from '../errors.ts'

export type InternalScope = 'metrics' | 'status' | 'explain' | 'drain' | 'operate'

export interface InternalToken {
  readonly name: string
  /** Hex SHA-256. */
  readonly sha256: string
  readonly scopes: readonly InternalScope[]
}

/** A call as it came: what its signature covers. */
export interface InternalCall {
  readonly method: string
  /** Path and query, as sent. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array
}

export interface CredentialsOptions {
  /** `gateway:<site>` */
  readonly audience: string
  readonly control: KeyRing | undefined
  readonly peers: KeyRing | undefined
  readonly tokens: readonly InternalToken[]
  readonly clock: Clock
}

const noBody = new Uint8Array()

/** Who may use the internal listener: the control plane and peer gateways by signature, operators by a token. */
export class Credentials {
  readonly #options: CredentialsOptions

  constructor(options: CredentialsOptions) {
    this.#options = options
  }

  /** Throws `internal-call-refused` or `internal-scope-missing` for anyone else. */
  async requireOperator(call: InternalCall, scope: InternalScope): Promise<void> {
    const token = bearerOf(call.headers)
    if (token === undefined) {
      const verdict = await this.#verify(call, this.#options.control)
      if (verdict !== 'valid') throw problems['internal-call-refused']({ because: verdict })
      return
    }
    const found = this.#options.tokens.find(({ sha256 }) => isTokenOf(token, sha256))
    if (found === undefined) throw problems['internal-call-refused']({ because: 'token unknown' })
    if (!found.scopes.includes(scope)) throw problems['internal-scope-missing']({ scope })
  }

  /** For the status; with `documents` peer gateways too: a new node may start by another site's table. Throws as above. */
  async requireReader(call: InternalCall, documents: boolean): Promise<void> {
    if (!documents || !(await this.isPeer(call))) await this.requireOperator(call, 'status')
  }

  async isPeer(call: InternalCall): Promise<boolean> {
    return (await this.#verify(call, this.#options.peers)) === 'valid'
  }

  /** The same of a call whose body has not come yet: all of the signature, but that it is that of this body. */
  async isPeerHead(head: Omit<InternalCall, 'body'>): Promise<boolean> {
    const verdict = await this.#verify({ ...head, body: noBody }, this.#options.peers)
    return verdict === 'valid' || verdict === 'body-differs'
  }

  async #verify(
    { method, target, headers: fields, body }: InternalCall,
    ring: KeyRing | undefined,
  ): Promise<CallVerdict> {
    const signature = fields[headers.call]
    if (ring === undefined || typeof signature !== 'string') return 'missing'
    return checkCall(
      signature,
      { method, target, body, audience: this.#options.audience },
      ring,
      this.#options.clock.now(),
    )
  }
}

/** By the keys and tokens in force at each call. */
export function liveCredentials(
  site: Site,
  rings: () => { readonly control: KeyRing | undefined; readonly peers: KeyRing | undefined },
  tokens: () => readonly InternalToken[],
  clock: Clock,
): Credentials {
  return new Credentials({
    audience: `gateway:${site}`,
    get control() {
      return rings().control
    },
    get peers() {
      return rings().peers
    },
    get tokens() {
      return tokens()
    },
    clock,
  })
}

export function bearerOf(fields: InternalCall['headers']): string | undefined {
  const { authorization } = fields
  return typeof authorization === 'string' ? /^bearer +(\S{1,4096})$/i.exec(authorization)?.[1] : undefined
}

/** In constant time: how far two hashes agree must not be measurable. */
export function isTokenOf(token: string, sha256: string): boolean {
  const given = hash('sha256', token, 'buffer')
  const known = Buffer.from(sha256, 'hex')
  return known.length === given.length && timingSafeEqual(given, known)
}
