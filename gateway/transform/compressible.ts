import type { CompressPolicy } from '#routes/policy.ts'
import type { Answer } from '../answer.ts'

/** `coded`: may be compressed · `vary`: too small or not asked for, but another request might get it compressed. */
export type Compressible = 'coded' | 'vary' | 'never'

/** Fields whose word is about the very bytes: who measured or signed them finds others. */
const measured: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-range',
  'content-digest',
  'repr-digest',
  'digest',
  'content-md5',
  'signature',
])

/**
 * Whether an answer may be compressed on its way: whole, of a listed type, long enough, and by nobody said to be left alone
 * (RFC 9111 section 5.2.2.6). A body of unknown length is taken to be long: its head goes out before its end is known.
 */
export function compressible(answer: Answer, { types, minBytes }: CompressPolicy): Compressible {
  const { status, headers, body } = answer
  if (status < 200 || status === 204 || status === 205 || status === 206 || status === 304) return 'never'
  if (answer.tunnel !== undefined) return 'never'
  let type = ''
  let length = Buffer.isBuffer(body) ? body.length : undefined
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase()
    const value = headers[at + 1] as string
    if (measured.has(name)) return 'never'
    if (name === 'content-type') type = mediaType(value)
    else if (name === 'content-length') length = Number(value)
    else if (name === 'cache-control' && /\bno-transform\b/i.test(value)) return 'never'
  }
  // An event stream's client waits for each event, and a compressor for more.
  if (type === 'text/event-stream' || !isListed(type, types)) return 'never'
  return body === undefined || (length !== undefined && length < minBytes) ? 'vary' : 'coded'
}

function mediaType(value: string): string {
  const end = value.indexOf(';')
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase()
}

function isListed(type: string, types: readonly string[]): boolean {
  if (type === '') return false
  for (const listed of types) {
    if (listed === type || (listed.endsWith('/*') && type.startsWith(listed.slice(0, -1)))) return true
  }
  return false
}
