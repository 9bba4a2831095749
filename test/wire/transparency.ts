/** Direct against through the edge, byte for byte, after taking out what is documented to differ, and no more. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type RecordedRequest, startRecordingUpstream } from '../support/recording-upstream.ts'
import { placementSet, route, structure } from '../support/tables.ts'
import { bodyOf, sendRaw, startEdgeBed } from './edge-bed.ts'
import { type WireCase, wireCases } from './wire-cases.ts'

export interface Comparison {
  readonly name: string
  /** Lines of the documented differences that were taken out, both ways together. */
  readonly documented: number
  /** What differs all the same; empty = transparent. */
  readonly faults: readonly string[]
}

/** What sits between client and edge: nothing, or for a negative control something that alters what passes. */
export type Alter = (answer: string) => string

/** Each case `times` times, on connections of their own. */
export async function compareAll(times: number, alter?: Alter): Promise<Comparison[]> {
  let current = wireCases[0] as WireCase
  const script = () => ({ bytes: current.answer, after: current.closes ? ('close' as const) : ('keep' as const) })
  await using direct = await startRecordingUpstream(script)
  await using bed = await startEdgeBed({
    answer: script,
    offer: async (sealer) => ({
      structure: await sealer.structure(structure([route('/v1/orders/**')])),
      placements: await sealer.placements(placementSet([])),
    }),
  })
  await using between = alter === undefined ? undefined : await startAltering(bed.port, alter)
  const edgePort = between?.port ?? bed.port

  const compared: Comparison[] = []
  for (const wireCase of wireCases) {
    current = wireCase
    const faults = new Set<string>()
    let documented = 0
    for (let time = 0; time < times; time++) {
      const options = { wholeWhen: wholeAnswer(wireCase), deadlineMs: 3_000 }
      const plain = await sendRaw(direct.port, wireCase.request, options)
      // An answer that never becomes whole is a difference, too.
      const through = await sendRaw(edgePort, wireCase.request, options).catch(() => 'no whole answer')
      const asked = compare('request', textOf(direct.requests.at(-1)), textOf(bed.sites.onprem.requests.at(-1)))
      const answered = compare('answer', plain, through)
      documented = asked.documented + answered.documented
      for (const fault of [...asked.faults, ...answered.faults]) faults.add(fault)
    }
    compared.push({ name: wireCase.name, documented, faults: [...faults] })
  }
  return compared
}

/** Negative controls: each alters one thing that a careless edge would, and must be found. */
export const alterations: Readonly<Record<string, Alter>> = {
  'one header name in lower case': (answer) => answer.replace(/\r\n(X-dUp|ETag):/, (name) => name.toLowerCase()),
  'Content-Length dropped': (answer) => answer.replace(/\r\nContent-Length: \d+/, ''),
  'one bit of the body turned': (answer) =>
    bodyOf(answer) === ''
      ? answer
      : answer.slice(0, -1) + String.fromCharCode(answer.charCodeAt(answer.length - 1) ^ 1),
  'Set-Cookie joined': (answer) => answer.replace(/\r\nSet-Cookie: b=2\r\nSet-Cookie: /, ', b=2, '),
}

function textOf(request: RecordedRequest | undefined): string {
  return request === undefined ? 'never came' : request.head + request.body.toString('latin1')
}

/** Ends with the last byte of the scripted answer's body: an altered head must not make the client wait. */
function wholeAnswer({ answer, request, closes }: WireCase): (received: string) => boolean {
  if (closes) return (received) => received.endsWith(bodyOf(answer)) || received.endsWith('\r\n0\r\n\r\n')
  const bodiless = request.startsWith('HEAD ') || bodyOf(answer) === ''
  const length = bodyOf(answer).length
  return (received) => {
    const final = received.replace(/^HTTP\/1\.1 100 [\s\S]*?\r\n\r\n/, '')
    const end = final.indexOf('\r\n\r\n')
    return end >= 0 && (bodiless || final.length - end - 4 >= length || final.endsWith('\r\n0\r\n\r\n'))
  }
}

/** Names that the runtime knows by number and writes in its own capitals; all others keep theirs. */
const known =
  /^(?:host|content-length|content-type|content-encoding|content-range|location|range|origin|accept-encoding|access-control-[a-z-]+|transfer-encoding|connection|upgrade|te|trailer|keep-alive)$/

/** Lines that edge-worker/README.md documents as added or removed; whatever is not listed here counts. */
const dropped = [
  // Between two neighbours only (RFC 9110 section 7.6.1).
  /^(?:connection|keep-alive|te|trailer|proxy-connection)$/,
  // The edge's own mark, and what clients may not say.
  /^(?:x-tidegate-[a-z]+|cf-[a-z-]+|x-forwarded-for|x-forwarded-host|expect)$/,
]

interface Message {
  readonly start: string
  /** Name as the first field of that name writes it, all values in their order. */
  readonly fields: readonly string[]
  readonly framing: string
  readonly body: string
  readonly documented: number
}

function compare(what: 'request' | 'answer', one: string, other: string): Omit<Comparison, 'name'> {
  const [a, b] = [read(one), read(other)]
  const faults: string[] = []
  const short = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
  if (a.start !== b.start) faults.push(`${short(a.start)} is ${short(b.start)}`)
  for (const field of a.fields) if (!b.fields.includes(field)) faults.push(`lost ${short(field)}`)
  for (const field of b.fields) if (!a.fields.includes(field)) faults.push(`added ${short(field)}`)
  if (a.body !== b.body) faults.push(`body ${short(a.body)} is ${short(b.body)}`)
  const sameFraming = a.framing === b.framing
  if (!sameFraming && !mayReframe(what, a, b)) faults.push(`framing "${a.framing}" is "${b.framing}"`)
  return {
    documented: a.documented + b.documented + (sameFraming ? 0 : 1),
    faults: faults.map((fault) => `${what}: ${fault}`),
  }
}

/** How a body's end is told is each connection's own affair, in the ways that are documented. */
function mayReframe(what: 'request' | 'answer', a: Message, b: Message): boolean {
  if (what === 'answer') return a.framing === 'until close' && b.framing === 'chunked'
  return (
    b.framing === `length ${a.body.length}` &&
    (a.framing === 'chunked' || (a.framing === 'until close' && a.body === ''))
  )
}

function read(text: string): Message {
  // The 100 of a client that expects one: each hop sends its own.
  const final = text.replace(/^HTTP\/1\.1 100 [\s\S]*?\r\n\r\n/, '')
  const end = final.indexOf('\r\n\r\n')
  const [start = '', ...lines] = (end < 0 ? final : final.slice(0, end)).split('\r\n')
  const fields = new Map<string, { name: string; values: string[] }>()
  let documented = 0
  let framing = 'until close'
  for (const line of lines) {
    const name = line.slice(0, line.indexOf(':'))
    const lower = name.toLowerCase()
    const value = line.slice(name.length + 1).trim()
    if (lower === 'content-length') framing = `length ${value}`
    else if (lower === 'transfer-encoding') framing = value
    else if (dropped.some((pattern) => pattern.test(lower))) documented++
    else {
      const kept = fields.get(lower) ?? { name: known.test(lower) ? lower : name, values: [] }
      kept.values.push(lower === 'host' ? value.toLowerCase() : value)
      fields.set(lower, kept)
    }
  }
  const rest = end < 0 ? '' : final.slice(end + 4)
  return {
    start,
    // Cookie is the one list whose fields are joined, by `; `.
    fields: [...fields.values()].map(
      ({ name, values }) => `${name}: ${values.join(/^cookie$/i.test(name) ? '; ' : ' \u21b5 ')}`,
    ),
    framing,
    body: framing === 'chunked' ? unchunked(rest) : rest,
    documented,
  }
}

function unchunked(text: string): string {
  let whole = ''
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n', at)
    const size = Number.parseInt(text.slice(at, end), 16)
    if (!(size > 0)) return whole
    whole += text.slice(end + 2, end + 2 + size)
    at = end + 2 + size + 2
  }
}

/** A proxy that collects each answer and passes it on altered. */
async function startAltering(targetPort: number, alter: Alter) {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1')
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    }
    client.pipe(target)
    let received = ''
    let quiet: NodeJS.Timeout | undefined
    target.on('data', (chunk) => {
      received += chunk.toString('latin1')
      clearTimeout(quiet)
      // The answer is whole when nothing more comes: this proxy need not be fast.
      quiet = setTimeout(() => {
        client.write(Buffer.from(alter(received), 'latin1'))
        received = ''
      }, 25)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close }
}
