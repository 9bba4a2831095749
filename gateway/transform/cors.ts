import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { Phase } from '../phase.ts'
import { corsOf, writeCors } from './cors-headers.ts'

/**
 * On routes with a CORS policy every answer says who may read it, refusals too: else a page sees an unreadable failure in
 * place of `429`. What the service says of CORS is replaced: two owners of one permission would contradict each other.
 */
export const cors: Phase = {
  name: 'cors',
  after(x: Exchange, answer: Answer): Answer {
    const policy = x.decision?.route?.policy.cors
    if (policy === undefined || answer.tunnel !== undefined) return answer
    const headers = withoutCors(answer.headers)
    const origin = x.header('origin')
    const allowed = writeCors(corsOf(policy), origin, headers)
    if (x.explained !== undefined) x.explained['cors'] = { origin: origin ?? 'none', allowed }
    return { ...answer, headers }
  },
}

function withoutCors(headers: readonly string[]): HeaderPairs {
  const kept: HeaderPairs = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string
    if (!/^access-control-/i.test(name)) kept.push(name, headers[at + 1] as string)
  }
  return kept
}
