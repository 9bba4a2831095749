import { headers } from '#routes/messages.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

/**
 * Every answer says under which id it is found in the logs, and through whom it came (RFC 9110 section 7.6.3): behind the
 * proxies that it passed before us. Without a pseudonym it does not name us.
 */
export function answerHead(pseudonym: string | undefined): Phase {
  const via = `1.1 ${pseudonym}`
  return {
    name: 'answer-head',
    after(x: Exchange, answer: Answer): Answer {
      if (pseudonym !== undefined) answer.headers.push('via', via)
      answer.headers.push(headers.requestId, x.requestId)
      return answer
    },
  }
}
