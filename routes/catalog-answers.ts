import { checkTemplate, pathNamesOf } from './catalog-names.ts'
import type { OpenApiDocuments } from './catalog-openapi-documents.ts'
import { readValidate } from './catalog-validate.ts'
import { listed, pointerTo } from './fault.ts'
import type { Findings } from './findings.ts'
import { isFrontHeader } from './front-headers.ts'
import type { Pattern } from './pattern.ts'
import type { AnswerPolicy, RoutePolicy } from './policy.ts'
import { parseDuration } from './quantity.ts'
import type { RouteDocument } from './route-schema.ts'

/** What the gateway answers or refuses by itself. `pattern` is undefined where the path has a fault of its own. */
export function readAnswers(
  route: RouteDocument,
  pattern: Pattern | undefined,
  pointer: string,
  findings: Findings,
  openapi: OpenApiDocuments,
): Pick<RoutePolicy, 'answer' | 'validate'> {
  const answer = readAnswer(route, pattern, `${pointer}/answer`, findings)
  const validate = readValidate(route, pattern, pointer, findings, openapi)
  return {
    ...(answer === undefined ? {} : { answer }),
    ...(validate === undefined ? {} : { validate }),
  }
}

type AnswerDocument = NonNullable<RouteDocument['answer']>

/** Longer ones belong to a service. */
const mostAnswerBytes = 16 * 1024

function readAnswer(
  route: RouteDocument,
  pattern: Pattern | undefined,
  pointer: string,
  findings: Findings,
): AnswerPolicy | undefined {
  const { answer } = route
  if (answer === undefined) return undefined
  const idle = (['cache', 'retry', 'rewrite', 'stream', 'upgrade'] as const).filter((key) => route[key] !== undefined)
  if (idle.length > 0) {
    const expected = `no service is asked, so ${listed(idle, 'and')} ${idle.length === 1 ? 'does' : 'do'} nothing`
    findings.warn(pointer, 'answer', expected, `take out ${listed(idle, 'and')}`)
  }
  if (answer.redirect !== undefined) return readRedirect(answer.redirect)
  if (answer.respond !== undefined) return readRespond(answer.respond)
  if (answer.maintenance === undefined) return undefined
  const { retryAfter, message } = answer.maintenance
  const retryAfterMs = parseDuration(retryAfter) as number
  return { kind: 'maintenance', retryAfterMs, ...(message === undefined ? {} : { message }) }

  function readRedirect({ to, status, keepQuery }: NonNullable<AnswerDocument['redirect']>): AnswerPolicy {
    const at = `${pointer}/redirect/to`
    // The front of a URL says who answers: what a client sends must not choose that.
    const [front = ''] = /^(?:https?:\/\/[^/?#]*|\/(?:\/|\\|\{rest\}))/.exec(to) ?? []
    if (/[{}@\\]/.test(front) || front.endsWith('//')) {
      const fix = 'name the host, or begin with a path of your own'
      findings.fault(at, to, 'may lead to any host that a client names', { fix })
    }
    if (pattern !== undefined) checkTemplate(to, { names: pathNamesOf(pattern) }, at, findings)
    if (keepQuery !== undefined && to.includes('#'))
      findings.fault(at, to, 'a query after "#" is never sent', { fix: 'take "keepQuery" or the fragment out' })
    return { kind: 'redirect', status, to, ...(keepQuery === undefined ? {} : { keepQuery }) }
  }

  function readRespond(respond: NonNullable<AnswerDocument['respond']>): AnswerPolicy {
    const { status, headers, body, contentType } = respond
    const at = `${pointer}/respond`
    for (const name of Object.keys(headers ?? {})) {
      const place = pointerTo(`${at}/headers`, name)
      if (isFrontHeader(name))
        findings.faultOfKey(place, name, "is the gateway's own to write", { fix: 'leave it out' })
      else if (name.toLowerCase() === 'content-type')
        findings.faultOfKey(place, name, 'has a key of its own', { fix: 'write "contentType"' })
    }
    if (body !== undefined && new TextEncoder().encode(body).length > mostAnswerBytes)
      findings.fault(`${at}/body`, body, 'expected at most 16KiB', { fix: 'let a service answer' })
    if (body !== undefined && bodiless.includes(status))
      findings.fault(`${at}/body`, body, `${status} has no body`, { fix: 'take it out, or write another status' })
    return {
      kind: 'respond',
      status,
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
      ...(contentType === undefined ? {} : { contentType }),
    }
  }
}

/** RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5. */
const bodiless: readonly number[] = [204, 205, 304]
