/**
 * The judge: may an answer that was made for one identity be given to another one? Written from RFC 9111 section 3.5 and the
 * rules of routes, without a line of the gateway's own policy.
 */
import type { CachePolicy } from '#routes/policy.ts'
import type { Identity } from './identities.ts'
import type { AnswerSpec } from './random-answer.ts'

export interface Asking {
  readonly identity: Identity
  /** What it sent beside what tells who it is. */
  readonly device: string | undefined
  readonly language: string | undefined
}

export function mayShare(policy: CachePolicy, spec: AnswerSpec, madeFor: Asking, asker: Asking): boolean {
  const [owner, other] = [madeFor.identity, asker.identity]
  if (owner === other) return true
  const said = spec.targeted ?? spec.directives
  if (said?.private || said?.noStore) return false
  // Whose an entry is. Those of nobody share what nobody's may be shared.
  if (policy.per !== 'everyone' && (owner.caller !== undefined || other.caller !== undefined)) {
    if (policy.per === 'token' || owner.caller?.consumer !== other.caller?.consumer) return false
    return sameSelection(spec, madeFor, asker)
  }
  const isPermitted =
    !showsCredential(owner, policy) ||
    said?.public === true ||
    said?.mustRevalidate === true ||
    said?.sMaxage === 'valid'
  return isPermitted && sameSelection(spec, madeFor, asker)
}

/** RFC 9111 knows Authorization alone; the profile `api` takes a cookie for one, unless its route says otherwise. */
function showsCredential({ byCookie, headers }: Identity, policy: CachePolicy): boolean {
  if (headers.length === 0) return false
  return !byCookie || (policy.profile === 'api' && policy.ignoreCookies !== true)
}

/** Vary: `*` fits nothing; else each named field is the same in both requests. */
function sameSelection({ vary }: AnswerSpec, one: Asking, other: Asking): boolean {
  return vary.every((name) => name !== '*' && fieldOf(name, one) === fieldOf(name, other))
}

function fieldOf(name: string, { identity, device, language }: Asking): string | undefined {
  const lower = name.toLowerCase()
  if (lower === 'x-device') return device
  if (lower === 'accept-language') return language
  const at = identity.headers.findIndex((header, index) => index % 2 === 0 && header.toLowerCase() === lower)
  return at < 0 ? undefined : identity.headers[at + 1]
}
