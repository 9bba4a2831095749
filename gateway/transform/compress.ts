import type { Counter } from '#server-kit/metrics.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { Phase } from '../phase.ts'
import { type Coding, chooseCoding } from './accept-encoding.ts'
import { CompressedBody } from './compressed-body.ts'
import { compressible } from './compressible.ts'
import { addVary } from './vary.ts'
import { asAsked, weakened } from './weak-etag.ts'

export const compressOutcomes = ['br', 'gzip', 'zstd', 'identity'] as const

/**
 * Compresses answers on routes that say so, for clients that ask. Before the cache: entries are kept as the service wrote
 * them, and each client gets its own coding.
 */
export function compress(answers: Counter<'coding'>): Phase {
  return {
    name: 'compress',
    after(x: Exchange, answer: Answer): Answer {
      const policy = x.decision?.route?.policy
      if (policy?.compress === undefined || policy.stream === true) return answer
      if (answer.status === 304) return revalidated(x, answer)
      const { body } = answer
      const verdict = compressible(answer, policy.compress)
      const coding = verdict === 'coded' ? wanted(x, policy.compress.codings) : undefined
      if (x.explained !== undefined) x.explained['compress'] = { compressible: verdict, coding: coding ?? 'identity' }
      if (verdict === 'never') return answer
      answers.inc({ coding: coding ?? 'identity' })
      if (coding === undefined || body === undefined) {
        // Another client's answer may be another one: also this variant says so, or a cache gives it to everybody.
        addVary(answer.headers, 'accept-encoding')
        return answer
      }
      return { ...answer, headers: codedHeaders(answer.headers, coding), body: new CompressedBody(x, body, coding) }
    },
  }
}

/** A HEAD gets no body, and a part of a body is a part of the service's own bytes. */
function wanted(x: Exchange, codings: readonly Coding[]): Coding | undefined {
  const accept = x.header('accept-encoding')
  if (accept === undefined || x.method === 'HEAD') return undefined
  return chooseCoding(accept, codings)
}

function revalidated(x: Exchange, answer: Answer): Answer {
  const asked = x.header('if-none-match')
  const headers = asked === undefined ? answer.headers : asAsked(answer.headers, asked)
  addVary(headers, 'accept-encoding')
  return headers === answer.headers ? answer : { ...answer, headers }
}

function codedHeaders(headers: readonly string[], coding: Coding): HeaderPairs {
  const coded: HeaderPairs = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string
    const value = headers[at + 1] as string
    const lower = name.toLowerCase()
    // Neither its length nor its parts are what they were.
    if (lower === 'content-length' || lower === 'accept-ranges') continue
    coded.push(name, lower === 'etag' ? weakened(value) : value)
  }
  coded.push('content-encoding', coding)
  addVary(coded, 'accept-encoding')
  return coded
}
