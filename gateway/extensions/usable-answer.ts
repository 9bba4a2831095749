import { isHeaderName } from '#routes/header-text.ts'
import type { Answer } from '../answer.ts'

/**
 * Whether what somebody else's code gave can be sent. It was checked by no compiler of ours, and behind the phases nobody
 * could answer in its place any more: its request would wait for ever, and count as under way.
 */
export function isUsable(given: unknown): given is Answer {
  if (typeof given !== 'object' || given === null) return false
  const { status, reason, headers, body, tunnel } = given as Partial<Record<keyof Answer, unknown>>
  const final = Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599
  return (
    (final || (status === 101 && tunnel !== undefined)) &&
    typeof reason === 'string' &&
    areFields(headers) &&
    isBody(body)
  )
}

function areFields(headers: unknown): boolean {
  if (!Array.isArray(headers) || headers.length % 2 !== 0) return false
  return headers.every((text: unknown, at) => (at % 2 === 0 ? isHeaderName(text) : isLine(text)))
}

/** As long as it likes: services send long ones, too, and these come by here. */
const isLine = (text: unknown): boolean => typeof text === 'string' && /^[\t\x20-\x7e\x80-\xff]*$/.test(text)

function isBody(body: unknown): boolean {
  if (body === undefined || Buffer.isBuffer(body)) return true
  if (typeof body !== 'object' || body === null) return false
  const { flow, resume, cancel } = body as Record<string, unknown>
  return [flow, resume, cancel].every((method) => typeof method === 'function')
}
