import { whyUnmatched } from '#routes/unmatched.ts'
import type { Answer } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'

/**
 * The answer to a request that no route takes, once it is certain that no newer table has one: the default site's gateway
 * gives it, and no service sees it. A method that the path lacks is told those that it has, RFC 9110 section 15.5.6.
 */
export function answerUnmatched(x: Exchange): Answer {
  const { table, decision } = x
  if (table === undefined || decision === undefined) throw problems['route-unknown']()
  const why = whyUnmatched(table, x, decision)
  switch (why.kind) {
    case 'host-unknown':
      throw problems['host-unknown']()
    case 'route-unknown':
      throw problems['route-unknown']()
    case 'method-unknown': {
      const allow = why.allow.join(', ')
      if (x.method !== 'OPTIONS') throw problems['method-unknown']({ allow })
      return { status: 204, reason: '', headers: ['allow', allow], body: undefined }
    }
  }
}
