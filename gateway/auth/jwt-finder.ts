import { hash } from 'node:crypto'
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Caller } from '#routes/messages.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { ms } from '../config-parts.ts'
import type { IssuerConfig, JwtConfig } from './auth-config.ts'
import { callerOf, claimTexts } from './caller.ts'
import { scopesOf } from './credential-form.ts'
import { type FetchKeys, KeySet } from './key-set.ts'
import { TokenMemory } from './token-memory.ts'
import type { Recalled } from './token-store.ts'

export interface JwtFinderOptions {
  readonly yaml: JwtConfig
  readonly fetch: FetchKeys
  readonly clock: Clock
  readonly background: Background
  readonly log: Log
}

/** Verified tokens that are remembered at most. */
const remembered = 10_000
const longestSkewMs = 60_000

/** Three base64url parts, the first a JSON object. */
export function looksLikeJwt(text: string): boolean {
  return text.startsWith('eyJ') && /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text)
}

/** Verifies JSON Web Tokens by the keys of their issuers; a verified one is remembered for 60 s, and never past its end. */
export class JwtFinder {
  readonly #issuers: ReadonlyMap<string, { readonly config: IssuerConfig; readonly keys: KeySet }>
  readonly #memory = new TokenMemory({ entries: remembered })
  readonly #skewMs: number
  readonly #clock: Clock

  constructor({ yaml, fetch, clock, background, log }: JwtFinderOptions) {
    this.#clock = clock
    this.#skewMs = Math.min(ms(yaml.skew), longestSkewMs)
    const times = { refreshMs: ms(yaml.refresh), keepForMs: ms(yaml.keepFor) }
    // A key may have been taken away: what it verified has to be verified again.
    const changed = () => void this.#memory.clear()
    this.#issuers = new Map(
      yaml.issuers.map((config) => [
        config.issuer,
        { config, keys: new KeySet({ url: config.jwks, fetch, clock, background, log, changed, ...times }) },
      ]),
    )
  }

  get size(): number {
    return this.#memory.size
  }

  isOurs(token: string): boolean {
    return this.#issuers.has(issuerOf(token) ?? '')
  }

  recall(token: string): Recalled {
    return this.#memory.recall(nameOf(token), this.#clock.monotonic(), this.#clock.now())
  }

  find(token: string): Promise<Caller | undefined> {
    const name = nameOf(token)
    const underWay = this.#memory.asking(name)?.answer
    if (underWay !== undefined) return underWay
    const asking = this.#memory.begin(name)
    const askedMs = this.#clock.monotonic()
    asking.answer = this.#verify(token)
      .then((caller) => {
        // What is not valid may be so in a second, by a clock or a new key: only what is valid is kept.
        if (caller !== undefined) this.#memory.end(asking, caller, askedMs)
        return caller
      })
      .finally(() => this.#memory.abandon(asking))
    return asking.answer
  }

  async #verify(token: string): Promise<Caller | undefined> {
    const issuer = this.#issuers.get(issuerOf(token) ?? '')
    if (issuer === undefined) return undefined
    const { config, keys } = issuer
    try {
      const { payload } = await jwtVerify(token, (header) => keys.find(header), {
        issuer: config.issuer,
        audience: [...config.audience],
        algorithms: [...config.algorithms],
        requiredClaims: ['exp'],
        clockTolerance: this.#skewMs / 1_000,
        currentDate: new Date(this.#clock.now()),
      })
      return this.#caller(config, payload)
    } catch (cause) {
      // A signature, claim or form that does not hold: nobody's token. Keys that are away are a problem, and thrown on.
      if (cause instanceof errors.JOSEError) return undefined
      throw cause
    }
  }

  #caller(config: IssuerConfig, payload: JWTPayload): Caller | undefined {
    const name = Object.hasOwn(payload, config.consumer) ? payload[config.consumer] : undefined
    if (typeof name !== 'string' && typeof name !== 'number') return undefined
    const scopes = config.scopes === undefined ? (payload['scope'] ?? payload['scp']) : payload[config.scopes]
    return callerOf(
      {
        consumer: `${config.prefix}${name}`,
        scopes: scopesOf(scopes),
        by: 'jwt',
        ...(config.claims.length === 0 ? {} : { claims: claimTexts(payload, config.claims) }),
        expiresAt: (payload.exp ?? 0) * 1_000 + this.#skewMs,
      },
      this.#clock.now(),
    )
  }
}

function nameOf(token: string): string {
  return hash('sha256', token, 'base64url')
}

/** Unverified: it only says whose keys are to be asked. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    // Not a JWT, so of no issuer.
    return undefined
  }
}
