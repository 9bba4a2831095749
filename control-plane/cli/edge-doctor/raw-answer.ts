/** An answer out of the bytes of a connection, as far as they go (RFC 9112). Pure. */

export interface Head {
  readonly status: number
  /** In order, names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[]
}

export interface ReadAnswer {
  /** Heads of 1xx that came before the answer. */
  readonly interim: readonly Head[]
  readonly head: Head | undefined
  /** Without the framing. */
  readonly body: Buffer
  /** Where the body begins among all bytes. */
  readonly bodyAt: number
  readonly whole: boolean
}

/** `closed`: nothing more will come, which ends a body without a length. */
export function readAnswer(bytes: Buffer, closed: boolean): ReadAnswer {
  const interim: Head[] = []
  let from = 0
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', from)
    const head = end < 0 ? undefined : readHead(bytes.toString('latin1', from, end))
    if (head === undefined)
      return { interim, head: undefined, body: Buffer.alloc(0), bodyAt: bytes.length, whole: false }
    from = end + 4
    if (head.status >= 200 || head.status === 101) {
      return { interim, head, bodyAt: from, ...bodyOf(head, bytes.subarray(from), closed) }
    }
    interim.push(head)
  }
}

/** The first field of that name. */
export function fieldOf(head: Head | undefined, name: string): string | undefined {
  return head?.fields.find(([field]) => field === name)?.[1]
}

function readHead(text: string): Head | undefined {
  const [first = '', ...lines] = text.split('\r\n')
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1])
  if (!(status >= 100)) return undefined
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return { status, fields }
}

function bodyOf(head: Head, rest: Buffer, closed: boolean): { body: Buffer; whole: boolean } {
  if (head.status === 204 || head.status === 304) return { body: Buffer.alloc(0), whole: true }
  // After a switch the bytes belong to the other protocol.
  if (head.status === 101) return { body: rest, whole: closed }
  if (/\bchunked\b/i.test(fieldOf(head, 'transfer-encoding') ?? '')) return dechunked(rest)
  const length = fieldOf(head, 'content-length')
  if (length === undefined) return { body: rest, whole: closed }
  return { body: rest.subarray(0, Number(length)), whole: rest.length >= Number(length) }
}

function dechunked(rest: Buffer): { body: Buffer; whole: boolean } {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const line = rest.indexOf('\r\n', at)
    const size = line < 0 ? Number.NaN : Number.parseInt(rest.toString('latin1', at, line), 16)
    if (size === 0) return { body: Buffer.concat(parts), whole: rest.indexOf('\r\n\r\n', line) >= 0 }
    const part = rest.subarray(line + 2, line + 2 + size)
    if (!(size > 0)) return { body: Buffer.concat(parts), whole: false }
    parts.push(part)
    if (part.length < size) return { body: Buffer.concat(parts), whole: false }
    at = line + 2 + size + 2
  }
}
