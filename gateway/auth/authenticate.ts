import type { Caller } from '#routes/messages.ts'
import type { CredentialKind } from '#routes/policy.ts'
import { Problem } from '#routes/problem.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { type Guard, guardOf, kindBit, kindsOf } from './guard.ts'
import type { Guesses } from './guesses.ts'
import { looksLikeJwt } from './jwt-finder.ts'
import { presented, refused } from './presented.ts'
import type { TokenStore } from './token-store.ts'

/** Who a credential belongs to, here or at a site that is also asked. */
export type Finder = Pick<TokenStore, 'recall' | 'find'>

export interface JwtFinderLike extends Finder {
  /** Whether it says to be of an issuer that this gateway believes. */
  isOurs(token: string): boolean
}

/** `remembered`: told by a memory; the others: somebody was asked. */
export const lookUpOutcomes = ['remembered', 'known', 'unknown', 'away', 'limited'] as const
type LookUpOutcome = (typeof lookUpOutcomes)[number]

export interface AuthenticateOptions {
  readonly tokens: Finder
  readonly apiKeys: Finder | undefined
  readonly jwt: JwtFinderLike | undefined
  /** Lower-case names of the request headers that carry an API key. */
  readonly keyHeaders: ReadonlySet<string>
  readonly guesses: Guesses
  readonly count: (kind: CredentialKind, outcome: LookUpOutcome) => void
}

/** Finds who calls, on every route that is not public. RFC 6750. */
export function authenticate(options: AuthenticateOptions): Phase {
  const { tokens, apiKeys, jwt, keyHeaders, guesses, count } = options
  const configured =
    kindBit.token | (apiKeys === undefined ? 0 : kindBit['api-key']) | (jwt === undefined ? 0 : kindBit.jwt)

  const accept = (
    x: Exchange,
    kind: CredentialKind,
    text: string,
    caller: Caller | undefined,
    from: LookUpOutcome,
  ): undefined => {
    count(kind, from)
    if (x.explained !== undefined) explain(x, kind, caller, from)
    if (caller === undefined) throw refused(kind, keyHeaders)
    x.caller = caller
    x.credential = text
    return undefined
  }

  const look = async (x: Exchange, kind: CredentialKind, finder: Finder, text: string): Promise<undefined> => {
    // Known credentials never come here: whoever shares a network with a guesser is slowed down, and not refused.
    const waitMs = guesses.waitMs(x.client, text)
    if (waitMs > 0) {
      count(kind, 'limited')
      throw problems['rate-limited']({ limit: 'address', retryAfterS: Math.ceil(waitMs / 1_000) })
    }
    let caller: Caller | undefined
    try {
      caller = await finder.find(text)
    } catch (problem) {
      if (problem instanceof Problem) {
        count(kind, 'away')
        // It is unknown here all the same: else whoever exhausts the questions to peers would ask our store without end.
        if (problem.code === 'auth-peer-away') guesses.charge(x.client, text)
      }
      throw problem
    }
    if (caller === undefined) guesses.charge(x.client, text)
    else guesses.prove(text)
    return accept(x, kind, text, caller, caller === undefined ? 'unknown' : 'known')
  }

  const ask = (x: Exchange, kind: CredentialKind, finder: Finder, text: string): undefined | Promise<undefined> => {
    const recalled = finder.recall(text)
    if (recalled === undefined) return look(x, kind, finder, text)
    return accept(x, kind, text, recalled === 'unknown' ? undefined : recalled, 'remembered')
  }

  return {
    name: 'authenticate',
    before(x: Exchange): undefined | Promise<undefined> {
      const guard = guardOf(x)
      if (guard === undefined) return undefined
      const kinds = guard.kinds & configured
      const { kind, text } = presented(x, kinds, keyHeaders)
      if (kind === 'api-key') return ask(x, kind, apiKeys as Finder, text)
      if (jwt !== undefined && isFor(jwt, kinds, text)) return ask(x, 'jwt', jwt, text)
      if ((kinds & kindBit.token) === 0) throw refused('jwt', keyHeaders)
      return ask(x, 'token', tokens, text)
    },
  }
}

/**
 * What looks like a JWT and says to be of an issuer of ours is verified as one, and never looked up. Of anybody else it may
 * still be a token in the store: there are systems that hand out JWTs and keep them as opaque ones.
 */
function isFor(jwt: JwtFinderLike, kinds: number, text: string): boolean {
  return (kinds & kindBit.jwt) !== 0 && looksLikeJwt(text) && ((kinds & kindBit.token) === 0 || jwt.isOurs(text))
}

function explain(x: Exchange, kind: CredentialKind, caller: Caller | undefined, from: LookUpOutcome): void {
  const guard = guardOf(x) as Guard
  const facts = { takes: kindsOf(guard.kinds), by: kind, from, consumer: caller?.consumer }
  Object.assign(x.explained as object, { authenticate: facts })
}
