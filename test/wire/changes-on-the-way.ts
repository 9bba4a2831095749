/** What the documented differences make of a message: a direct one, so changed, must equal what came through the edge. */
import { type DifferenceName, knownNames } from './documented-differences.ts'
import { type Field, fieldValue, type Message } from './message.ts'

type Change = (message: Message) => Message

/** What becomes of a request on its way through the edge, each change by its name. */
export const requestChanges: readonly (readonly [DifferenceName, Change])[] = [
  ['hop-by-hop', withoutHopByHop],
  ['expect-ends-here', without(/^expect$/)],
  ['trace-begun', (message) => (hasBadTrace(message) ? without(/^traceparent$/)(message) : message)],
  ['words-of-the-front', (message) => withoutForceCookie(withoutWordsOfTheFront(message))],
  ['cookies-joined', (message) => joined(message, /^cookie$/, oneCookie)],
  ['known-names', inKnownNames],
  ['capitals-of-first', inCapitalsOfFirst],
  ['host-in-lower-case', (message) => joined(message, /^host$/, (values) => values.join(', ').toLowerCase())],
  ['trailers', withoutTrailers],
  ['chunked-body-of-get', (message) => (isChunkedGet(message) ? unframed(message) : message)],
  ['framing', withOneFraming],
  ['length-of-nothing', withLengthOfNoRequestBody],
  ['version', (message) => ({ ...message, third: 'HTTP/1.1' })],
  ['fragment', (message) => ({ ...message, second: message.second.replace(/#.*/, '') })],
]

/** What becomes of the answer to `request`. */
export function answerChanges(request: Message): readonly (readonly [DifferenceName, Change])[] {
  const bodiless = (status: string) => request.first === 'HEAD' || status === '204' || status === '304'
  return [
    ['hop-by-hop', withoutHopByHop],
    ['known-names', inKnownNames],
    ['capitals-of-first', inCapitalsOfFirst],
    ['trailers', withoutTrailers],
    ['body-of-205', (message) => (message.second === '205' ? empty(message) : message)],
    ['reason-in-latin1', (message) => (/[^ -~]/.test(message.third) ? { ...message, third: '' } : message)],
    ['length-of-nothing', (message) => (bodiless(message.second) ? withoutIdleLength(message, request) : message)],
    ['framing', (message) => (bodiless(message.second) ? message : withAnEndOfItsOwn(message, request))],
    ['version', (message) => ({ ...message, first: request.third })],
  ]
}

/** W3C Trace Context, as far as a gateway believes it. */
export const validTrace = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/

const canonical = new Map(knownNames.map((name) => [name.toLowerCase(), name]))
const hopByHop = /^(?:connection|keep-alive|te|trailer|upgrade)$/

/** Between two neighbours only. */
export function withoutHopByHop(message: Message): Message {
  const named =
    fieldValue(message.fields, 'connection')
      ?.toLowerCase()
      .split(/\s*,\s*/) ?? []
  return keep(message, (name) => !hopByHop.test(name) && !named.includes(name))
}

/** Twice is no trace either: the runtime joins them. */
function hasBadTrace({ fields }: Message): boolean {
  const values = fields.filter(([name]) => name.toLowerCase() === 'traceparent').map(([, value]) => value)
  return values.length > 0 && !(values.length === 1 && validTrace.test(values[0] ?? ''))
}

const wordsOfTheFront = /^(?:x.tidegate.(?!echo$).*|cf[^a-z0-9].*|x.forwarded.(?:for|host|proto))$/

function withoutWordsOfTheFront(message: Message): Message {
  return without(wordsOfTheFront)(message)
}

function withoutForceCookie(message: Message): Message {
  const others = (value: string) => {
    const pairs = value.split(';')
    const kept = pairs.filter((pair) => !/^ *tidegate-force=/.test(pair))
    return kept.length === pairs.length ? value : asUtf8(kept.join(';').trimStart())
  }
  const fields = message.fields.map(([name, value]): Field => [name, /^cookie$/i.test(name) ? others(value) : value])
  return { ...message, fields }
}

function oneCookie(values: readonly string[]): string {
  const one = values.join('; ').replace(/, (?=[^=;, ]+=)/g, '; ')
  return one === values.join() ? one : asUtf8(one)
}

/** What the runtime makes of bytes that it is asked for. */
function asUtf8(bytes: string): string {
  return Buffer.from(Buffer.from(bytes, 'latin1').toString('utf8'), 'utf8').toString('latin1')
}

function without(pattern: RegExp): Change {
  return (message) => keep(message, (name) => !pattern.test(name))
}

function keep(message: Message, wanted: (name: string) => boolean): Message {
  return { ...message, fields: message.fields.filter(([name]) => wanted(name.toLowerCase())) }
}

function inKnownNames(message: Message): Message {
  const one = joined(
    message,
    /^(?!set-cookie$)/,
    (values) => values.join(', '),
    (name) => canonical.has(name),
  )
  const fields = one.fields.filter(([name, value]) => value !== '' || !canonical.has(name.toLowerCase()))
  return { ...one, fields: fields.map(([name, value]) => [canonical.get(name.toLowerCase()) ?? name, value]) }
}

function inCapitalsOfFirst(message: Message): Message {
  const first = new Map<string, string>()
  for (const [name] of message.fields) if (!first.has(name.toLowerCase())) first.set(name.toLowerCase(), name)
  return { ...message, fields: message.fields.map(([name, value]) => [first.get(name.toLowerCase()) ?? name, value]) }
}

/** All fields of each such name as one, where the first of them stood. */
function joined(
  message: Message,
  pattern: RegExp,
  join: (values: readonly string[]) => string,
  wanted: (name: string) => boolean = () => true,
): Message {
  const seen = new Set<string>()
  const fields = message.fields.flatMap(([name, value]): (readonly [string, string])[] => {
    const lower = name.toLowerCase()
    if (!pattern.test(lower) || !wanted(lower)) return [[name, value]]
    if (seen.has(lower)) return []
    seen.add(lower)
    return [[name, join(message.fields.filter(([other]) => other.toLowerCase() === lower).map(([, one]) => one))]]
  })
  return { ...message, fields }
}

function withoutTrailers(message: Message): Message {
  return { ...message, trailers: [] }
}

/** RFC 9112 section 6.3: a coding overrides a length. */
function withOneFraming({ length, ...message }: Message): Message {
  return message.framing === 'chunked' || length === undefined ? message : { ...message, length }
}

function isChunkedGet({ first, framing }: Message): boolean {
  return /^(?:GET|HEAD)$/.test(first) && framing === 'chunked'
}

function withLengthOfNoRequestBody(message: Message): Message {
  if (message.framing === 'chunked' || message.body !== '') return message
  return /^(?:GET|HEAD)$/.test(message.first) ? { ...unframed(message) } : { ...message, framing: 'length', length: 0 }
}

/** A HEAD keeps the length that a GET would have; 204 and 304 keep none, and nobody keeps a coding of nothing. */
function withoutIdleLength(message: Message, request: Message): Message {
  return request.first === 'HEAD' && !/^(?:204|304)$/.test(message.second) && message.framing === 'length'
    ? message
    : unframed(message)
}

function withAnEndOfItsOwn(message: Message, request: Message): Message {
  if (message.framing === 'length') return message
  return request.third === 'HTTP/1.0' ? { ...message, framing: 'none' } : { ...message, framing: 'chunked' }
}

function empty(message: Message): Message {
  return { ...message, framing: 'length', length: 0, body: '', trailers: [] }
}

function unframed({ length: _, ...message }: Message): Message {
  return { ...message, framing: 'none', body: '' }
}
