/** A byte-level reader of requests, of its own: it shares nothing with what is measured. */

export interface ReadRequest {
  readonly method: string
  /** Origin-form. */
  readonly target: string
  /** Content, one character a byte. */
  readonly body: string
}

export interface Reading {
  /** Those that are wholly there. */
  readonly requests: readonly ReadRequest[]
  /** What made everything behind them unreadable. */
  readonly fault: string | undefined
  /** Bytes behind the last whole request. */
  readonly rest: string
}

/**
 * `strict`: by RFC 9112 and proxy rules F1 to F7, nothing guessed: what a sender can claim to have sent. `tolerant`: as services
 * of the world read: chunked goes before a length, the last length counts, a bare LF ends a line, spaces are forgiven.
 */
export type Manner = 'strict' | 'tolerant'

/** Reads as many requests as there are. A text is one character a byte. */
export function readRequests(bytes: string, manner: Manner): Reading {
  const requests: ReadRequest[] = []
  let rest = bytes
  for (;;) {
    const step = manner === 'strict' ? readStrict(rest) : readTolerant(rest)
    if (step === undefined) return { requests, fault: undefined, rest }
    if (typeof step === 'string') return { requests, fault: step, rest }
    requests.push(step.request)
    rest = step.rest
  }
}

/** Undefined: not all there yet. A text: what is wrong. */
type Step = { readonly request: ReadRequest; readonly rest: string } | string | undefined

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// Several spaces are one (section 3); what goes on is written anew.
const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) +([\x21-\x7e]+) HTTP\/(1\.[01])$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

function readStrict(all: string): Step {
  // Empty lines before a request line are overread (RFC 9112 section 2.2), there alone by their LF.
  const text = all.replace(/^(?:\r?\n)+/, '')
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return /(?<!\r)\n|\r(?!\n|$)|\0/.test(text) ? 'bare CR, LF or NUL' : undefined
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const [, method, written, version] = requestLine.exec(first) ?? []
  if (method === undefined || written === undefined) return 'request line'
  const lengths: string[] = []
  const codings: string[] = []
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '')
    if (!token.test(name) || !fieldValue.test(value)) return 'field'
    if (name.toLowerCase() === 'content-length') lengths.push(value)
    if (name.toLowerCase() === 'transfer-encoding') codings.push(value)
  }
  if (lengths.length + codings.length > 1) return 'several framings'
  const request = { method, target: originForm(written) }
  const body = text.slice(end + 4)
  const [coding] = codings
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked' || version !== '1.1') return 'coding'
    return readChunks(request, body, 'strict')
  }
  const [length = '0'] = lengths
  if (!/^[0-9]{1,15}$/.test(length)) return 'length'
  return readLength(request, body, Number(length))
}

function readTolerant(all: string): Step {
  const text = all.replace(/^[\r\n]+/, '')
  const head = /\r?\n\r?\n/.exec(text)
  if (head === null) return undefined
  const [first = '', ...lines] = text
    .slice(0, head.index)
    .replace(/\r?\n[\t ]+/g, ' ')
    .split(/\r?\n/)
  const [method, written] = first.trim().split(/\s+/)
  if (method === undefined || written === undefined) return 'request line'
  let length = 0
  let chunked = false
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase().replaceAll('_', '-')
    const value = line.slice(colon + 1).trim()
    if (name === 'content-length') length = Math.abs(Number.parseInt(value, 10)) || 0
    if (name === 'transfer-encoding' && value.toLowerCase().includes('chunked')) chunked = true
  }
  const request = { method, target: originForm(written) }
  const body = text.slice(head.index + head[0].length)
  return chunked ? readChunks(request, body, 'tolerant') : readLength(request, body, length)
}

function originForm(target: string): string {
  return target.replace(/^https?:\/\/[^/?]*/i, '')
}

function readLength(request: Omit<ReadRequest, 'body'>, text: string, length: number): Step {
  if (text.length < length) return undefined
  return { request: { ...request, body: text.slice(0, length) }, rest: text.slice(length) }
}

const strictSize = /^0*([0-9a-fA-F]{1,12})((?:;[\t\x20-\x7e\x80-\xff]*)?)$/

function readChunks(request: Omit<ReadRequest, 'body'>, text: string, manner: Manner): Step {
  let body = ''
  for (let at = 0; ; ) {
    const lineEnd = text.indexOf('\n', at)
    if (lineEnd < 0) return undefined
    const strict = manner === 'strict'
    if (strict && text[lineEnd - 1] !== '\r') return 'chunk line'
    const line = text.slice(at, lineEnd).replace(/\r$/, '')
    const size = strict
      ? Number.parseInt(strictSize.exec(line)?.[1] ?? '', 16)
      : Number.parseInt(line.trim() || '0', 16)
    if (Number.isNaN(size) || size < 0) return 'chunk size'
    if (size === 0) return readTrailers({ ...request, body }, text.slice(lineEnd + 1), strict)
    const from = lineEnd + 1
    if (text.length < from + size + 2) return undefined
    body += text.slice(from, from + size)
    at = from + size
    if (text.startsWith('\r\n', at)) at += 2
    else if (strict) return 'chunk end'
    else if (text[at] === '\n') at++
  }
}

function readTrailers(request: ReadRequest, text: string, strict: boolean): Step {
  for (let at = 0; ; ) {
    const lineEnd = text.indexOf('\n', at)
    if (lineEnd < 0) return undefined
    if (strict && text[lineEnd - 1] !== '\r') return 'trailer line'
    const line = text.slice(at, lineEnd).replace(/\r$/, '')
    at = lineEnd + 1
    if (line === '') return { request, rest: text.slice(at) }
    const name = line.slice(0, Math.max(0, line.indexOf(':')))
    if (strict && !(token.test(name) && fieldValue.test(line.slice(name.length + 1)))) return 'trailer'
  }
}
