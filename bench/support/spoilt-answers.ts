/** Answers of services as no service should give them: seeded, each with the mark of the request that it was given to. */
import type { Random } from '#server-kit/random.ts'

export interface SpoiltAnswer {
  readonly name: string
  /** Written one after the other. What stands behind the end of an answer is in the piece with that end. */
  readonly pieces: readonly Buffer[]
  readonly after: 'keep' | 'close' | 'reset'
  /** What the client must get; undefined = any answer of its own, a refusal, or a broken one. */
  readonly expected?: 502
}

/** Of a request. The second number belongs to the first, so that no changed digit makes another request's mark. */
export const markOf = (number: number): string => `<<m-${number}-${Math.imul(number + 1, 0x9e3779b1) >>> 0}>>`

/** The number of a request in `text` that is not `own`; undefined = none. */
export function strangerIn(text: string, own: number): number | undefined {
  for (const [mark, digits] of text.matchAll(/<<m-(\d+)-\d+>>/g)) {
    const number = Number(digits)
    if (number !== own && mark === markOf(number)) return number
  }
  return undefined
}

/** The answer that is right. */
export function goodAnswer(number: number): Buffer {
  return answer('200 OK', `mine ${markOf(number)}`)
}

/** One spoilt answer to the request `number`: of a known kind, or of a good one with some bytes changed. */
export function spoiltAnswer(number: number, random: Random): SpoiltAnswer {
  const below = (limit: number): number => Math.floor(random.next() * limit)
  const mark = markOf(number)
  const after = below(4) === 0 ? 'keep' : below(3) === 0 ? 'reset' : 'close'
  if (below(3) > 0) {
    const base = oneOf(bases(mark), below)
    return { name: 'bytes changed', pieces: [mutated(base, below)], after }
  }
  const [name, bytes, expected] = oneOf(kinds(mark, below), below)
  const whole = Buffer.from(bytes, 'latin1')
  if (expected !== undefined) return { name, pieces: [whole], after, expected }
  if (name !== 'cut short') return { name, pieces: [whole], after }
  const at = below(whole.length)
  return { name, pieces: [whole.subarray(0, at), whole.subarray(at)], after: after === 'keep' ? 'close' : after }
}

function answer(status: string, body: string, ...fields: string[]): Buffer {
  const head = [`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, ...fields].join('\r\n')
  return Buffer.from(`${head}\r\n\r\n${body}`, 'latin1')
}

/** A whole answer behind another one: whoever reads it as theirs was given another's. */
const surplus = (mark: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${mark.length}\r\n\r\n${mark}`

function bases(mark: string): string[] {
  return [
    `HTTP/1.1 200 OK\r\nContent-Length: ${mark.length}\r\n\r\n${mark}`,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n${mark.length.toString(16)}\r\n${mark}\r\n0\r\nX: ${mark}\r\n\r\n`,
    `HTTP/1.1 103 Early Hints\r\nLink: ${mark}\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: ${mark.length}\r\n\r\n${mark}`,
    `HTTP/1.1 304 Not Modified\r\nETag: "${mark}"\r\nContent-Length: ${mark.length}\r\n\r\n${mark}`,
    `HTTP/1.0 200 OK\r\nX-Y: \xff\r\n\r\n${mark} until the end`,
    `HTTP/1.1 206 Partial Content\r\nConnection: X-Mark, close\r\nX-Mark: ${mark}\r\nContent-Length: 2\r\n\r\nok`,
    `HTTP/1.1 404 Not Found\r\nSet-Cookie: a=${mark}\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n${surplus(mark)}`,
  ]
}

type Kind = readonly [name: string, bytes: string, expected?: 502]

function kinds(mark: string, below: (limit: number) => number): Kind[] {
  const { length } = mark
  return [
    [
      'two lengths',
      `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nContent-Length: ${length + 1}\r\n\r\n${mark}!`,
      502,
    ],
    [
      'length and coding',
      `HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n${mark}\r\n0\r\n\r\n`,
      502,
    ],
    [
      'unknown coding',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n${length.toString(16)}\r\n${mark}\r\n0\r\n\r\n`,
      502,
    ],
    [
      'status that is none',
      `HTTP/1.1 ${oneOf(['888', '600', '000', '099'], below)} ${mark}\r\nContent-Length: 0\r\n\r\n`,
      502,
    ],
    ['NUL in a field', `HTTP/1.1 200 OK\r\nX-Mark: ${mark}\0\r\nContent-Length: 0\r\n\r\n`, 502],
    [
      'head over 64 KB',
      `HTTP/1.1 200 OK\r\nX-Mark: ${mark}${'x'.repeat(66_000 + below(20_000))}\r\nContent-Length: 0\r\n\r\n`,
      502,
    ],
    [
      'flood of 1xx',
      `${`HTTP/1.1 103 Early Hints\r\nLink: ${mark}\r\n\r\n`.repeat(21 + below(300))}${surplus(mark)}`,
      502,
    ],
    [
      'unasked protocol',
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n${surplus(mark)}`,
      502,
    ],
    ['ten 1xx', `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(10)}${surplus(mark)}`],
    ['surplus behind a body', surplus(mark).repeat(2 + below(3))],
    [
      'surplus behind chunks',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${surplus(mark)}`,
    ],
    ['surplus behind a 204', `HTTP/1.1 204 No Content\r\n\r\n${surplus(mark)}`],
    ['surplus behind a 304', `HTTP/1.1 304 Not Modified\r\n\r\n${surplus(mark)}`],
    ['length too long', `HTTP/1.1 200 OK\r\nContent-Length: ${length + 1 + below(1_000)}\r\n\r\n${mark}`],
    ['cut short', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n${mark}\r\n`],
    ['no HTTP', `220 mail.test ESMTP ${mark}\r\n\r\n`, 502],
  ]
}

/** One to three places changed: a byte replaced, put in or left out, a length moved, a part said again, the rest cut off. */
function mutated(text: string, below: (limit: number) => number): Buffer {
  let bytes = Buffer.from(text, 'latin1')
  for (let left = 1 + below(3); left > 0; left--) {
    const at = below(bytes.length)
    const before = bytes.subarray(0, at)
    const rest = bytes.subarray(at)
    const odd = Buffer.from([below(4) === 0 ? 0 : below(256)])
    const forms = [
      [before, odd, rest.subarray(1)],
      [before, odd, rest],
      [before, rest.subarray(1 + below(4))],
      [before, bytes.subarray(below(bytes.length))],
      [before],
      [
        Buffer.from(
          bytes.toString('latin1').replace(/\d+(?=\r\n)/, () => String(below(60))),
          'latin1',
        ),
      ],
    ]
    bytes = Buffer.concat(oneOf(forms, below))
    if (bytes.length === 0) bytes = Buffer.from('\n')
  }
  return bytes
}

function oneOf<T>(all: readonly T[], below: (limit: number) => number): T {
  return all[below(all.length)] as T
}
