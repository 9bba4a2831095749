import { isFrontHeader } from '#routes/front-headers.ts'
import type { HeaderEdits, RewritePolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Log } from '#server-kit/log.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { compiledOnce } from './compiled-once.ts'
import { applyEdits, compileEdits } from './header-edits.ts'
import { valuesOf } from './rewrite-values.ts'

/**
 * A route's edits of its answers, before the cache: a value that holds a caller's claim or a request's id must never be
 * stored, and given to the next one. Answers from the cache are edited like those of the service.
 */
export function answerEdits(log: Log): Phase {
  const editsOf = compiledOnce('rewrite.response', log, (route: RouteFacts) =>
    compileEdits((route.policy.rewrite as RewritePolicy).response as HeaderEdits, isFrontHeader),
  )
  return {
    name: 'answer-edits',
    before(x: Exchange): undefined {
      const route = x.decision?.route
      // A policy that cannot be used refuses here, since `after` may not.
      if (route?.policy.rewrite?.response !== undefined) editsOf(route)
      return undefined
    },
    after(x: Exchange, answer: Answer): Answer {
      const route = x.decision?.route
      if (route?.policy.rewrite?.response === undefined || answer.problem?.code === 'policy-unusable') return answer
      const edits = editsOf(route)
      if (edits === undefined) return answer
      return { ...answer, headers: applyEdits(answer.headers, edits, valuesOf(x, route)) }
    },
  }
}
