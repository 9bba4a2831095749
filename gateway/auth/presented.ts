import type { CredentialKind } from '#routes/policy.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { kindBit } from './guard.ts'

/** A credential as a request brought it. Whether a bearer is an opaque token or a JWT is seen later. */
export interface Presented {
  readonly kind: 'bearer' | 'api-key'
  readonly text: string
}

/** Longer ones are nobody's: a look-up and a question to another site should cost what a credential costs. */
const longestToken = 4_096
const longestJwt = 8_192
const bearerBits = kindBit.token | kindBit.jwt

/**
 * The one credential of a request, of the kinds that its guard takes; fields of other kinds are not looked at. Two of them are
 * an attempt to be read twice, and count as none that is valid, whichever is good. RFC 6750 section 2.
 */
export function presented(x: Exchange, kinds: number, keyHeaders: ReadonlySet<string>): Presented {
  const bearers = (kinds & bearerBits) !== 0
  const keys = (kinds & kindBit['api-key']) !== 0
  let authorization: string | undefined
  let key: string | undefined
  for (let field = 0; field < x.names.length; field++) {
    const name = x.names[field] as string
    if (bearers && name === 'authorization') {
      if (authorization !== undefined || key !== undefined) throw twice(kinds, keyHeaders)
      authorization = x.headers[2 * field + 1] as string
    } else if (keys && keyHeaders.has(name)) {
      if (authorization !== undefined || key !== undefined) throw twice(kinds, keyHeaders)
      key = x.headers[2 * field + 1] as string
    }
  }
  if (key !== undefined) {
    if (!/^[\x21-\x7e]+$/.test(key) || key.length > longestToken) throw refused('api-key', keyHeaders)
    return { kind: 'api-key', text: key }
  }
  const text = authorization === undefined ? undefined : bearerOf(authorization)
  if (text === undefined) throw problems['token-missing']({ challenge: challenge(kinds, keyHeaders) })
  if (text.length > ((kinds & kindBit.jwt) === 0 ? longestToken : longestJwt)) throw refused('token', keyHeaders)
  return { kind: 'bearer', text }
}

/** The 401 of a credential that nobody vouches for. */
export function refused(kind: CredentialKind, keyHeaders: ReadonlySet<string>) {
  return problems['token-invalid']({ challenge: challenge(kindBit[kind], keyHeaders, 'invalid_token') })
}

/** One challenge a scheme that is taken. RFC 9110 section 11.6.1, RFC 6750 section 3. */
export function challenge(kinds: number, keyHeaders: ReadonlySet<string>, error?: string, scope?: string): string {
  const said = error === undefined ? [] : [`error="${error}"`]
  if (scope !== undefined) said.push(`scope="${scope}"`)
  const challenges: string[] = []
  if ((kinds & bearerBits) !== 0 || kinds === 0) challenges.push(['Bearer', said.join(', ')].join(' ').trimEnd())
  if ((kinds & kindBit['api-key']) !== 0) {
    const [header = ''] = keyHeaders
    challenges.push(`ApiKey ${[`header="${header}"`, ...said].join(', ')}`)
  }
  return challenges.join(', ')
}

const twice = (kinds: number, keyHeaders: ReadonlySet<string>) =>
  problems['token-invalid']({ challenge: challenge(kinds, keyHeaders, 'invalid_request') })

function bearerOf(authorization: string): string | undefined {
  return /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization)?.[1]
}
