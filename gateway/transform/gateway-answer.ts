import { isFrontHeader } from '#routes/front-headers.ts'
import { isHeaderValue } from '#routes/header-text.ts'
import type { AnswerPolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Log } from '#server-kit/log.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { Phase } from '../phase.ts'
import { compiledOnce } from './compiled-once.ts'
import { maintenance } from './maintenance.ts'
import { compileRedirect, redirectTarget } from './redirect-target.ts'

type Make = (x: Exchange) => Answer

/** Answers routes that have no service behind them: a redirect, a fixed answer, or maintenance. */
export function gatewayAnswer(log: Log): Phase {
  const makeOf = compiledOnce('answer', log, (route: RouteFacts) => compile(route, route.policy.answer as AnswerPolicy))
  return {
    name: 'gateway-answer',
    before(x: Exchange): Answer | undefined {
      const route = x.decision?.route
      if (route?.policy.answer === undefined) return undefined
      const answer = makeOf(route)(x)
      if (x.explained !== undefined) {
        x.explained['gateway-answer'] = { kind: route.policy.answer.kind, status: answer.status }
      }
      return answer
    },
  }
}

function compile(route: RouteFacts, policy: AnswerPolicy): Make {
  switch (policy.kind) {
    case 'redirect': {
      const redirect = compileRedirect(policy.to, route)
      const { status, keepQuery = false } = policy
      return (x) => {
        const location = redirectTarget(x, redirect, keepQuery)
        return { status, reason: '', headers: ['location', location, 'content-length', '0'], body: undefined }
      }
    }
    case 'respond': {
      const { status, contentType } = policy
      const bodiless = status === 204 || status === 205 || status === 304
      const body = bodiless ? undefined : Buffer.from(policy.body ?? '', 'utf8')
      const fields = headersOf(policy.headers ?? {})
      if (contentType !== undefined) fields.push('content-type', contentType)
      if (body !== undefined) fields.push('content-length', String(body.length))
      // Phases on the way out add to the list: each answer has its own.
      return (x) => ({ status, reason: '', headers: [...fields], body: x.method === 'HEAD' ? undefined : body })
    }
    case 'maintenance':
      return (x) => maintenance(x, policy)
  }
}

function headersOf(written: Readonly<Record<string, string>>): HeaderPairs {
  const fields: HeaderPairs = []
  for (const [name, value] of Object.entries(written)) {
    if (!isFrontHeader(name) && isHeaderValue(value)) fields.push(name, value)
  }
  return fields
}
