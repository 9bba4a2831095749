import { checkTemplate, parametersOf, pathNamesOf } from './catalog-names.ts'
import { listed, pointerTo } from './fault.ts'
import type { Findings } from './findings.ts'
import { isFrontHeader } from './front-headers.ts'
import { schemaFault } from './json-schema.ts'
import { nameFix } from './nearest-name.ts'
import type { Pattern } from './pattern.ts'
import type { AnswerPolicy, ParameterRule, RoutePolicy, ValidatePolicy } from './policy.ts'
import { parseDuration, parseSize } from './quantity.ts'
import type { RouteDocument } from './route-schema.ts'

/** What the gateway answers or refuses by itself. `pattern` is undefined where the path has a fault of its own. */
export function readAnswers(
  route: RouteDocument,
  pattern: Pattern | undefined,
  pointer: string,
  findings: Findings,
): Pick<RoutePolicy, 'answer' | 'validate'> {
  const answer = readAnswer(route, pattern, `${pointer}/answer`, findings)
  const { validate } = route
  return {
    ...(answer === undefined ? {} : { answer }),
    ...(validate === undefined ? {} : { validate: readValidate(route, validate, pattern, pointer, findings) }),
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

/** What is kept of a body to be checked. */
const mostCheckedBytes = 256 * 1024

function readValidate(
  route: RouteDocument,
  validate: NonNullable<RouteDocument['validate']>,
  pattern: Pattern | undefined,
  routePointer: string,
  findings: Findings,
): ValidatePolicy {
  const pointer = `${routePointer}/validate`
  const { body, bodyRequired, query, path, headers, mode } = validate
  if (body !== undefined) {
    checkSchema(body, `${pointer}/body`)
    if ((parseSize(route.maxBody) as number) > mostCheckedBytes) {
      const expected = `a body is read whole to be checked, so above 256KiB it gets 413; ${route.maxBody} are announced`
      findings.warn(`${pointer}/body`, 'body', expected, 'write "maxBody: 256KiB" or less')
    }
  }
  for (const [key, rules] of Object.entries({ query, path, headers })) {
    for (const [name, rule] of Object.entries(rules ?? {})) {
      checkSchema(rule.schema, `${pointerTo(`${pointer}/${key}`, name)}/schema`)
    }
  }
  const names = pattern && parametersOf(pattern)
  for (const name of Object.keys(path ?? {})) {
    if (names === undefined || names.includes(name)) continue
    findings.faultOfKey(
      pointerTo(`${pointer}/path`, name),
      name,
      'the path has no such parameter',
      nameFix(name, names),
    )
  }
  for (const name of Object.keys(headers ?? {})) {
    if (name === name.toLowerCase()) continue
    const fix = `write "${name.toLowerCase()}"`
    findings.faultOfKey(pointerTo(`${pointer}/headers`, name), name, 'is written in lower case', { fix })
  }
  return {
    ...(body === undefined ? {} : { body: body as object }),
    ...(bodyRequired === undefined ? {} : { bodyRequired }),
    ...(query === undefined ? {} : { query: rulesOf(query) }),
    ...(path === undefined ? {} : { path: rulesOf(path) }),
    ...(headers === undefined ? {} : { headers: rulesOf(headers) }),
    ...(mode === undefined ? {} : { mode }),
  }

  function checkSchema(schema: unknown, at: string): void {
    const fault = schemaFault(schema)
    if (fault === undefined) return
    const { expected, fix } = fault
    const more = fix === undefined ? {} : { fix }
    if (fault.on === 'key') findings.faultOfKey(`${at}${fault.pointer}`, String(fault.value), expected, more)
    else findings.fault(`${at}${fault.pointer}`, fault.value, expected, more)
  }
}

function rulesOf(rules: NonNullable<NonNullable<RouteDocument['validate']>['query']>): Record<string, ParameterRule> {
  return Object.fromEntries(
    Object.entries(rules).map(([name, { schema, required }]) => [
      name,
      { schema: schema as object, ...(required === undefined ? {} : { required }) },
    ]),
  )
}
