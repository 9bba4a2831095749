/** What a Fastify listener answers when something fails: problem+json to the caller, the cause to the log, one request id in both. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import { operatorBody, Problem, type ProblemBody, problemMediaType, publicBody } from '#routes/problem.ts'
import { problems } from './errors.ts'
import type { Log } from './log.ts'

export interface ProblemReplyOptions {
  /** `operator` sees detail and fix too; `client` sees no internal word. */
  readonly audience: 'operator' | 'client'
  readonly log: Log
  /** Default: the process's own monotonic clock, ms. */
  readonly monotonic?: () => number
}

/** Failures of one code that are told loudly in each span. */
const toldAtMost = 10
const spanMs = 10_000

/** Sets the error and not-found handlers of `app`. A thrown `Problem` keeps its code; what nobody foresaw is `internal`. */
export function installProblemReplies(app: FastifyInstance, options: ProblemReplyOptions): void {
  const { audience, log, monotonic = () => performance.now() } = options
  const tell = teller(log, monotonic)
  const answer = (request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply => {
    const problem = asProblem(error)
    tell(request, problem)
    return reply
      .status(problem.status)
      .type(problemMediaType)
      .send(problemReply(problem, request.id, audience))
  }
  app.setErrorHandler<FastifyError>((error, request, reply) => answer(request, reply, error))
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    return answer(request, reply, problems['endpoint-unknown']({ method: request.method, path }))
  })
}

/** The body for this audience; request validation names the offending part to either. */
export function problemReply(problem: Problem, requestId: string, audience: 'operator' | 'client'): ProblemBody {
  if (audience === 'operator') return operatorBody(problem, requestId)
  const { pointer } = problem.facts
  return { ...publicBody(problem.code, problem.status, requestId), ...(pointer === undefined ? {} : { pointer }) }
}

/** Any thrown value as a problem: ours as it is, the framework's refusals by their meaning, all else `internal`. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (!(error instanceof Error)) return problems.internal({ cause: error })
  const refused = error as Partial<FastifyError>
  const fault = refused.validation?.[0]
  if (fault !== undefined) {
    const place = refused.validationContext ?? 'body'
    const reason = `${place}${fault.instancePath} ${expected(fault)}`
    return problems['request-invalid']({
      reason,
      pointer: `/${place}${fault.instancePath}${missingName(fault.params)}`,
      cause: error,
    })
  }
  const status = refused.statusCode ?? 500
  if (status === 413) return problems['request-too-large']({ cause: error })
  if (status === 415) return problems['media-type-unsupported']({ cause: error })
  // Malformed JSON, a bad URL, an empty body: the framework's own words hold nothing internal.
  if (status >= 400 && status < 500) return problems['request-invalid']({ reason: error.message, cause: error })
  return problems.internal({ cause: error })
}

/** The validator says that a value is none of those allowed, or unknown, without saying which. */
function expected({ message = 'is not as described', params }: FastifySchemaValidationError): string {
  const { allowedValues, additionalProperty } = params
  if (Array.isArray(allowedValues)) return `must be one of ${allowedValues.join(', ')}`
  if (typeof additionalProperty === 'string') return `has no ${JSON.stringify(additionalProperty)}`
  return message
}

/** A missing or unknown member is named by its parent; the pointer goes to the member itself. RFC 6901 section 3. */
function missingName(params: Record<string, unknown>): string {
  const name = params['missingProperty'] ?? params['additionalProperty']
  return typeof name === 'string' ? `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` : ''
}

/**
 * The facts of a refusal are of use to its caller's developer only; a failure of ours is for a person to see. Ten times
 * of one kind are enough for that: an outage fails thousands of requests a second, and lines are written before the
 * answer goes out.
 */
function teller(log: Log, monotonic: () => number): (request: FastifyRequest, problem: Problem) => void {
  const spans = new Map<string, { since: number; told: number; untold: number }>()
  return (request, problem) => {
    const { code } = problem
    const facts = { requestId: request.id, method: request.method, url: request.url, code, facts: problem.facts }
    if (problem.status < 500) return log.debug(facts, 'a request was refused')
    const now = monotonic()
    const before = spans.get(code)
    const span = before !== undefined && now - before.since < spanMs ? before : { since: now, told: 0, untold: 0 }
    spans.set(code, span)
    if (span.told === toldAtMost) {
      span.untold++
      return log.debug({ ...facts, err: problem }, 'an answer failed')
    }
    span.told++
    const untold = before === span ? 0 : (before?.untold ?? 0)
    const whole = { ...facts, ...(untold === 0 ? {} : { untold }) }
    if (code === 'internal') log.error({ ...whole, err: problem.cause }, 'an answer failed')
    else log.warn({ ...whole, err: problem }, 'an answer failed')
  }
}
