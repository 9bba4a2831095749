import type { CachePolicy } from '#routes/policy.ts'
import type { Answer } from '../answer.ts'

export interface StorableFacts {
  readonly policy: CachePolicy
  /** The request carried a credential, so the answer is its owner's unless it says otherwise. */
  readonly authenticated: boolean
  /** Who it was, if we know: without that nothing is stored as one consumer's own. */
  readonly consumer: string | undefined
}

/**
 * How long an answer may be stored, ms; 0 = not at all. The route's policy says how long at most; the answer may say less,
 * never more. Pure. The full rules of RFC 9111 come with the cache policy module.
 */
export function storableMs(answer: Answer, { policy, authenticated, consumer }: StorableFacts): number {
  const owned = policy.per === 'consumer' && consumer !== undefined
  if (answer.status !== 200 || answer.problem !== undefined || answer.body === undefined) return 0
  let maxAgeS: number | undefined
  let sharedS: number | undefined
  let isPublic = false
  for (let at = 0; at < answer.headers.length; at += 2) {
    const name = (answer.headers[at] as string).toLowerCase()
    const value = answer.headers[at + 1] as string
    if (name === 'set-cookie') return 0
    if (name === 'vary' && !covers(policy.vary, value)) return 0
    if (name !== 'cache-control') continue
    for (const directive of value.toLowerCase().split(',')) {
      const [word = '', argument = ''] = directive.trim().split('=')
      if (word === 'no-store' || word === 'no-cache') return 0
      if (word === 'private' && !owned) return 0
      if (word === 'public') isPublic = true
      if (word === 'max-age') maxAgeS = seconds(argument)
      if (word === 's-maxage') sharedS = seconds(argument)
    }
  }
  if (authenticated && !owned && !isPublic) return 0
  const saidS = sharedS ?? maxAgeS
  return saidS === undefined ? policy.ttlMs : Math.min(policy.ttlMs, saidS * 1000)
}

/** An unreadable time is none at all: better a miss than a stale answer. */
function seconds(text: string): number {
  const match = /^"?(\d{1,9})"?$/.exec(text)
  return match === null ? 0 : Number(match[1])
}

/** The answer depends on nothing that the key leaves out. */
function covers(keyed: readonly string[], vary: string): boolean {
  return vary
    .toLowerCase()
    .split(',')
    .every((name) => keyed.includes(name.trim()))
}
