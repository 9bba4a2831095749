import type { AnswerOf } from './policy.ts'
import { problemMediaType, publicBody } from './problem.ts'
import { weightOf } from './weight.ts'

/** The answer of a route in maintenance, as edge and gateway both give it. */
export interface MaintenanceAnswer {
  readonly status: 503
  /** Lower-case names; without `content-length`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** 503 with Retry-After (s, rounded up): a page for people, problem+json for programs, by what Accept likes better. */
export function maintenanceAnswer(
  { retryAfterMs, message }: AnswerOf<'maintenance'>,
  accept: string | undefined,
  requestId: string,
): MaintenanceAnswer {
  const html = prefersHtml(accept)
  return {
    status: 503,
    headers: {
      'content-type': html ? 'text/html; charset=utf-8' : problemMediaType,
      'retry-after': `${retryAfterSeconds(retryAfterMs)}`,
      'cache-control': 'no-store',
      vary: 'accept',
    },
    body: html ? page(message, requestId) : json(message, requestId),
  }
}

export function retryAfterSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}

/** Programs that name nothing, or anything, get JSON; only who puts HTML above it is a person with a browser. */
function prefersHtml(accept = ''): boolean {
  let html = 0
  let other = 0
  for (const member of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = member.split(';')
    const weight = weightOf(parameters)
    const name = type.trim()
    if (name === 'text/html' || name === 'application/xhtml+xml') html = Math.max(html, weight)
    else if (name === 'application/json' || name === problemMediaType) other = Math.max(other, weight)
  }
  return html > other
}

function json(message: string | undefined, requestId: string): string {
  const body = publicBody('maintenance', 503, requestId)
  return JSON.stringify(message === undefined ? body : { ...body, detail: message })
}

function page(
  message = 'This part is being worked on. Please try again in a little while.',
  requestId: string,
): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Maintenance</title></head>
<body><h1>Maintenance</h1><p>${escaped(message)}</p><p><small>${escaped(requestId)}</small></p></body>
</html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
