/** An HTTP/1.1 message as it stood on the wire, one character a byte. */
export interface Message {
  /** `GET`, or `HTTP/1.1`. */
  readonly first: string
  /** The target, or the status. */
  readonly second: string
  /** The version, or the reason. */
  readonly third: string
  readonly fields: readonly Field[]
  readonly framing: 'length' | 'chunked' | 'none'
  readonly length?: number
  readonly body: string
  /** The lines behind the last chunk. */
  readonly trailers: readonly string[]
}

export type Field = readonly [name: string, value: string]

export function readMessage(text: string): Message {
  const end = text.indexOf('\r\n\r\n')
  const [start = '', ...lines] = (end < 0 ? text : text.slice(0, end)).split('\r\n')
  const [first = '', second = '', ...third] = start.split(' ')
  const fields: Field[] = lines.map((line) => {
    const name = line.slice(0, line.indexOf(':'))
    return [name, line.slice(name.length + 1).trim()]
  })
  const rest = end < 0 ? '' : text.slice(end + 4)
  const shared = { first, second, third: third.join(' '), fields: fields.filter(([name]) => !framed.test(name)) }
  const length = fieldValue(fields, 'content-length')
  const coding = fieldValue(fields, 'transfer-encoding')
  const told = length === undefined ? {} : { length: Number(length) }
  if (coding !== undefined) return { ...shared, ...told, framing: 'chunked', ...unchunked(rest) }
  if (length !== undefined) return { ...shared, ...told, framing: 'length', body: rest, trailers: [] }
  return { ...shared, framing: 'none', body: rest, trailers: [] }
}

/** What a message says about its own end stands in `framing` and `length`. */
const framed = /^(?:content-length|transfer-encoding)$/i

export function fieldValue(fields: readonly Field[], name: string): string | undefined {
  return fields.find(([one]) => one.toLowerCase() === name)?.[1]
}

/** RFC 9112 section 7.1: sizes and extensions are one connection's own. */
function unchunked(text: string): Pick<Message, 'body' | 'trailers'> {
  let body = ''
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n', at)
    const size = Number.parseInt(text.slice(at, end), 16)
    if (!(size > 0))
      return {
        body,
        trailers: text
          .slice(end + 2)
          .split('\r\n')
          .filter(Boolean),
      }
    body += text.slice(end + 2, end + 2 + size)
    at = end + 2 + size + 2
  }
}

/** Whether the final answer to `request` has wholly come: RFC 9112 section 6.3. What ends with its connection never is. */
export function isWholeAnswer(request: string): (received: string) => boolean {
  return (received) => {
    const final = finalOf(received)
    const end = final.indexOf('\r\n\r\n')
    if (end < 0) return false
    if (request.startsWith('HEAD ') || /^HTTP\/1\.\d (?:101|204|304)/.test(final)) return true
    const { framing, length, body } = readMessage(final)
    if (framing === 'chunked') return /(?:^|\r\n)0+(?:;[^\r]*)?\r\n(?:[^\r]+\r\n)*\r\n$/.test(final.slice(end + 4))
    return framing === 'length' && body.length >= (length ?? 0)
  }
}

/** Without the informational answers that came before it. */
export function finalOf(text: string): string {
  return text.replace(/^(?:HTTP\/1\.1 1(?!01)\d\d [\s\S]*?\r\n\r\n)+/, '')
}
