import { problemMediaType, publicBody } from '#routes/problem.ts'
import type { Answer } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { weightOf } from './weight.ts'

/** 503 with Retry-After (s, rounded up): a page for people, problem+json for programs, by what Accept likes better. */
export function maintenance(x: Exchange, retryAfterMs: number, message: string | undefined): Answer {
  const retryAfterS = Math.max(1, Math.ceil(retryAfterMs / 1000))
  const problem = problems['maintenance']({ retryAfterS })
  const html = prefersHtml(x.header('accept'))
  const body = Buffer.from(html ? page(message, x.requestId) : json(message, x.requestId), 'utf8')
  const headers = [
    'content-type',
    html ? 'text/html; charset=utf-8' : problemMediaType,
    'content-length',
    String(body.length),
    'retry-after',
    String(retryAfterS),
    'cache-control',
    'no-store',
    'vary',
    'accept',
  ]
  return { status: problem.status, reason: '', headers, body: x.method === 'HEAD' ? undefined : body, problem }
}

/** Programs that name nothing, or anything, get JSON; only who puts HTML above it is a person with a browser. */
function prefersHtml(accept: string | undefined): boolean {
  if (accept === undefined) return false
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

const code = 'maintenance'

function json(message: string | undefined, requestId: string): string {
  const body = publicBody(code, 503, requestId)
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

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] as string)
}
